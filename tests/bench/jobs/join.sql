-- join.sql - two tables in memory, and a join of them by a key in random order
PRAGMA temp_store = MEMORY;
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, text TEXT);
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
INSERT INTO customers SELECT i, printf('customer %d %08x%08x%08x', i, i * 2654435761 % 4294967296,
    i * 2246822519 % 4294967291, i * 3266489917 % 4294967279) FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200000)
INSERT INTO orders SELECT i, i * 2654435761 % 400000 + 1, printf('order %d %08x%08x%08x%08x', i,
    i * 2246822519 % 4294967291, i * 3266489917 % 4294967279, i * 668265263 % 4294967231,
    i * 374761393 % 4294967197) FROM n;
CREATE INDEX orders_customer ON orders (customer);
SELECT count(*), sum(length(name) + length(text)) FROM orders JOIN customers
    ON customers.id = orders.customer;
SELECT customers.id % 1000 AS part, count(*), max(text) FROM customers JOIN orders
    ON orders.customer = customers.id GROUP BY part ORDER BY part;

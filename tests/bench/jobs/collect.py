# SPDX-License-Identifier: MIT
"""collect.py - records that the collector looks at again and again while more are made"""
import random
import sys

count = int(sys.argv[1])
rng = random.Random(1)
records, by_name = [], {}
for i in range(count):
    record = {"name": f"record {i}", "values": [i, rng.random()], "tags": (f"tag {i % 1000}", i)}
    records.append(record)
    by_name[record["name"]] = record
total = sum(record["values"][0] + len(record["tags"]) for record in records)
for i in range(0, count, 100):
    total += by_name[f"record {i}"]["values"][0]
print(len(records), total)

/* SPDX-License-Identifier: MIT */
/* solve.c - conjugate gradients over a sparse matrix: solve WIDTH STEPS
 *
 * The matrix is that of a square grid: each row has a diagonal and four neighbours.  Its entries lie
 * row by row, with their columns beside them, as if it had no such order.  Each step reads all of it
 * and of the vectors, from the first row to the last.  Prints what is left of the residual.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ENTRIES 5

struct row {
	double value[ENTRIES];
	uint32_t column[ENTRIES];
};

static size_t n, width;
static struct row *matrix;

static void *allocate(size_t size)
{
	void *ret = calloc(n, size);

	if (!ret)
		err(EXIT_FAILURE, "calloc");
	return ret;
}

/* At the edges, the grid goes on at the other side. */
static void make_matrix(void)
{
	matrix = allocate(sizeof(*matrix));
	for (size_t i = 0; i < n; i++)
		matrix[i] = (struct row){
			.value = { 4.1, -1, -1, -1, -1 },
			.column = { (uint32_t)i, (uint32_t)((i + 1) % n),
				    (uint32_t)((i + n - 1) % n), (uint32_t)((i + width) % n),
				    (uint32_t)((i + n - width) % n) },
		};
}

static double dot(const double *a, const double *b)
{
	double ret = 0;

	for (size_t i = 0; i < n; i++)
		ret += a[i] * b[i];
	return ret;
}

static void multiply(double *out, const double *in)
{
	for (size_t i = 0; i < n; i++) {
		double sum = 0;

		for (unsigned k = 0; k < ENTRIES; k++)
			sum += matrix[i].value[k] * in[matrix[i].column[k]];
		out[i] = sum;
	}
}

int main(int argc, char **argv)
{
	unsigned steps = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
	double *x, *residual, *direction, *image, left;

	width = argc == 3 ? (size_t)atol(argv[1]) : 0;
	n = width * width;
	if (n < 4 || n > UINT32_MAX)
		errx(EXIT_FAILURE, "usage: solve WIDTH STEPS");
	make_matrix();
	x = allocate(sizeof(*x));
	residual = allocate(sizeof(*residual));
	direction = allocate(sizeof(*direction));
	image = allocate(sizeof(*image));
	for (size_t i = 0; i < n; i++)
		residual[i] = direction[i] = (double)(i % 17);
	left = dot(residual, residual);
	for (unsigned step = 0; step < steps; step++) {
		double length, before = left;

		multiply(image, direction);
		length = before / dot(direction, image);
		for (size_t i = 0; i < n; i++) {
			x[i] += length * direction[i];
			residual[i] -= length * image[i];
		}
		left = dot(residual, residual);
		for (size_t i = 0; i < n; i++)
			direction[i] = residual[i] + left / before * direction[i];
	}
	printf("%u steps: %.6e\n", steps, left);
	return 0;
}

#!/bin/bash
# SPDX-License-Identifier: MIT
# ImageMagick blurs, rotates and scales a picture, in a quarter of the memory that it takes.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/compare.sh"
requires perl numfmt
for convert in magick convert-im6.q16 convert; do
	"$convert" -version 2>&1 | grep -q '^Version: ImageMagick' && break
	convert=
done
[ -n "$convert" ] || skip "no ImageMagick"
# Its own limits would send pixels to a file.
compare_family 120M 35M "$convert" -limit memory 1GiB -limit map 1GiB -seed 7 -size 3000x2000 \
	plasma:fractal -blur 0x3 -rotate 90 \( +clone -flip \) -compose difference -composite -resize 50% \
	-depth 8 rgb:-

/* SPDX-License-Identifier: MIT */
/* doctor.h - spill doctor: is everything there that paging needs?
 *
 * doctor/ looks at the machine, the preload library (run/) and swap space (swap/), and says what is
 * missing and how to get it.  It may include run/, swap/ and common/.
 */
#ifndef SPILL_DOCTOR_H
#define SPILL_DOCTOR_H

int doctor_main(int argc, char **argv);

#endif

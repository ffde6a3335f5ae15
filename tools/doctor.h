/* SPDX-License-Identifier: MIT */
/* doctor.h - spill doctor: is all there that paging needs
 */
#ifndef SPILL_DOCTOR_H
#define SPILL_DOCTOR_H

int doctor_main(int argc, char **argv);

#endif

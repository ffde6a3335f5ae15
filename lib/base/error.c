/* SPDX-License-Identifier: MIT */
/* error.c - the only place that prints: see error.h */
#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"
#include "base/text.h"
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longer lines are cut; a path of ordinary length fits. */
#define LINE_SIZE 1024

#define LOG_MODE 0600

#define MICROSECOND_NS 1000

static _Atomic unsigned told; /* one bit per event */
static _Atomic bool warnings_off;
static char log_path[4096]; /* set before the pager arms */
static int confined_fd = -1;

/* -- formatting -------------------------------------------------------------- */

struct text {
	char *buf;
	size_t size; /* including one byte for the NUL */
	size_t length;
};

static void put_char(struct text *text, char c)
{
	if (text->length + 1 < text->size)
		text->buf[text->length++] = c;
}

static void put_string(struct text *text, const char *s)
{
	for (s = s ? s : "(null)"; *s; s++)
		put_char(text, *s);
}

static void put_number(struct text *text, unsigned long n, unsigned base)
{
	char digits[24];
	unsigned count = 0;

	do {
		digits[count++] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	while (count)
		put_char(text, digits[--count]);
}

static void put_signed(struct text *text, int n)
{
	if (n < 0)
		put_char(text, '-');
	put_number(text, n < 0 ? -(unsigned long)n : (unsigned long)n, 10);
}

/* Formats the conversion at *format, just after the %, and advances past it.  args is a pointer so
 * that the list advances in the caller's frame. */
static void put_conversion(struct text *text, const char **format, va_list *args)
{
	bool is_long = **format == 'l';

	*format += is_long;
	switch (*(*format)++) {
	case 's':
		put_string(text, va_arg(*args, const char *));
		break;
	case 'd':
		put_signed(text, va_arg(*args, int));
		break;
	case 'u':
		put_number(text, is_long ? va_arg(*args, unsigned long) : va_arg(*args, unsigned),
			   10);
		break;
	case 'x':
		put_number(text, is_long ? va_arg(*args, unsigned long) : va_arg(*args, unsigned),
			   16);
		break;
	case '%':
		put_char(text, '%');
		break;
	default:
		abort(); /* our own format is wrong */
	}
}

static size_t format_list(char *buf, size_t size, const char *format, va_list list)
{
	struct text text = { .buf = buf, .size = size };
	va_list args;

	va_copy(args, list);
	while (*format) {
		char c = *format++;

		if (c == '%')
			put_conversion(&text, &format, &args);
		else
			put_char(&text, c);
	}
	va_end(args);
	if (size)
		buf[text.length] = '\0';
	return text.length;
}

size_t error_format(char *buf, size_t size, const char *format, ...)
{
	size_t length;
	va_list list;

	va_start(list, format);
	length = format_list(buf, size, format, list);
	va_end(list);
	return length;
}

/* -- printing ---------------------------------------------------------------- */

/* More than a warning: the program loses data, or cannot go on. */
static bool event_is_error(enum event event)
{
	return event == EVENT_READ_FAILED || event == EVENT_NO_ROOM || event == EVENT_ARM_FAILED;
}

static bool event_is_new(enum event event)
{
	unsigned bit = 1u << event;

	return !(atomic_fetch_or(&told, bit) & bit);
}

/* Swallows the signal that write raises when a pipe has no reader or the file may not grow: a line
 * of ours must not end the program. */
static void write_unsignalled(int fd, const char *line, size_t length)
{
	uint64_t raised = UINT64_C(1) << (SIGPIPE - 1) | UINT64_C(1) << (SIGXFSZ - 1);
	uint64_t before = 0, pending = 0;
	struct timespec now = { 0, 0 };
	long ret;

	sys_call4(SYS_rt_sigprocmask, SIG_BLOCK, &raised, &before, sizeof(raised));
	sys_call2(SYS_rt_sigpending, &pending, sizeof(pending));
	ret = sys_write(fd, line, length);
	raised &= ~pending;
	if ((ret == -EPIPE || ret == -EFBIG) && raised)
		sys_call4(SYS_rt_sigtimedwait, &raised, 0, &now, sizeof(raised));
	sys_call4(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, sizeof(before));
}

/* Is this a file that we may write to?  Somebody else may have put it there: it may be theirs, or a
 * hard link to something that is not a log. */
static bool is_log(int fd)
{
	struct stat st;

	if (sys_call2(SYS_fstat, fd, &st) ||
	    (st.st_uid != 0 && st.st_uid != (uid_t)sys_call0(SYS_geteuid)))
		return false;
	return S_ISREG(st.st_mode) ? st.st_nlink <= 1 : S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode);
}

/* O_NOFOLLOW: a symbolic link leads wherever its owner likes.  O_NONBLOCK: do not wait for a pipe
 * that nobody reads.  -errno if there is no log, or it cannot be opened. */
static int open_log(void)
{
	int fd;

	if (!log_path[0])
		return -ENOENT;
	fd = sys_open(log_path,
		      O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
			      O_NOCTTY,
		      LOG_MODE);
	if (fd < 0 || is_log(fd))
		return fd;
	sys_close(fd);
	return -EACCES;
}

void error_confine(void)
{
	int fd = fd_raise(open_log());

	confined_fd = fd < 0 ? STDERR_FILENO : fd;
}

static void write_line(const char *line, size_t length)
{
	int fd;

	if (confined_fd >= 0) {
		sys_write(confined_fd, line, length);
		return;
	}
	fd = open_log();
	write_unsignalled(fd < 0 ? STDERR_FILENO : fd, line, length);
	if (fd >= 0)
		sys_close(fd);
}

static void print_list(const char *prefix, const char *format, va_list list)
{
	char line[LINE_SIZE];
	size_t length = error_format(line, sizeof(line), "spill: %s", prefix);

	length += format_list(line + length, sizeof(line) - length, format, list);
	line[length++] = '\n'; /* replaces the NUL */
	write_line(line, length);
}

void error_quiet(bool quiet)
{
	warnings_off = quiet;
}

void error_log_to(const char *path)
{
	text_copy(log_path, sizeof(log_path), path);
}

void error_report(enum event event, const char *format, ...)
{
	va_list list;

	if (warnings_off && !log_path[0] && !event_is_error(event))
		return;
	if (!event_is_new(event))
		return;
	va_start(list, format);
	print_list("", format, list);
	va_end(list);
}

void error_debug(const char *format, ...)
{
	char when[64];
	va_list list;

	error_format(when, sizeof(when), "debug %lu %d ", sys_now() / MICROSECOND_NS, sys_gettid());
	va_start(list, format);
	print_list(when, format, list);
	va_end(list);
}

void error_fatal(const char *format, ...)
{
	static const uint64_t by_default[4]; /* struct sigaction as the kernel lays it out */
	va_list list;

	va_start(list, format);
	print_list("", format, list);
	va_end(list);
	sys_call4(SYS_rt_sigaction, SIGABRT, by_default, NULL, sizeof(*by_default));
	abort();
}

void error_reset(void)
{
	told = 0;
}

/* -- names ------------------------------------------------------------------- */

/* glibc's strerror allocates and translates.  These are the values that a pager's calls can
 * return. */
#define NAME(name, text) [name] = text " (" #name ")"

static const char *const names[] = {
	[0] = "Success",
	NAME(EPERM, "Operation not permitted"),
	NAME(ENOENT, "No such file or directory"),
	NAME(ESRCH, "No such process"),
	NAME(EINTR, "Interrupted system call"),
	NAME(EIO, "Input/output error"),
	NAME(ENXIO, "No such device or address"),
	NAME(E2BIG, "Argument list too long"),
	NAME(ENOEXEC, "Exec format error"),
	NAME(EBADF, "Bad file descriptor"),
	NAME(EAGAIN, "Resource temporarily unavailable"),
	NAME(ENOMEM, "Cannot allocate memory"),
	NAME(EACCES, "Permission denied"),
	NAME(EFAULT, "Bad address"),
	NAME(ENOTBLK, "Block device required"),
	NAME(EBUSY, "Device or resource busy"),
	NAME(EEXIST, "File exists"),
	NAME(EXDEV, "Invalid cross-device link"),
	NAME(ENODEV, "No such device"),
	NAME(ENOTDIR, "Not a directory"),
	NAME(EISDIR, "Is a directory"),
	NAME(EINVAL, "Invalid argument"),
	NAME(ENFILE, "Too many open files in system"),
	NAME(EMFILE, "Too many open files"),
	NAME(ENOTTY, "Inappropriate ioctl for device"),
	NAME(ETXTBSY, "Text file busy"),
	NAME(EFBIG, "File too large"),
	NAME(ENOSPC, "No space left on device"),
	NAME(ESPIPE, "Illegal seek"),
	NAME(EROFS, "Read-only file system"),
	NAME(EPIPE, "Broken pipe"),
	NAME(ERANGE, "Numerical result out of range"),
	NAME(EDEADLK, "Resource deadlock avoided"),
	NAME(ENAMETOOLONG, "File name too long"),
	NAME(ENOSYS, "Function not implemented"),
	NAME(ELOOP, "Too many levels of symbolic links"),
	NAME(ENODATA, "No data available"),
	NAME(ETIME, "Timer expired"),
	NAME(EPROTO, "Protocol error"),
	NAME(EBADMSG, "Bad message"),
	NAME(EOVERFLOW, "Value too large for defined data type"),
	NAME(EOPNOTSUPP, "Operation not supported"),
	NAME(ENOBUFS, "No buffer space available"),
	NAME(ETIMEDOUT, "Connection timed out"),
	NAME(ECONNREFUSED, "Connection refused"),
	NAME(ECONNRESET, "Connection reset by peer"),
	NAME(EALREADY, "Operation already in progress"),
	NAME(EINPROGRESS, "Operation now in progress"),
	NAME(ESTALE, "Stale file handle"),
	NAME(EUCLEAN, "Structure needs cleaning"),
	NAME(EREMOTEIO, "Remote I/O error"),
	NAME(EDQUOT, "Disk quota exceeded"),
	NAME(ECANCELED, "Operation canceled"),
	NAME(EOWNERDEAD, "Owner died"),
	NAME(EHWPOISON, "Memory page has hardware error"),
};

#undef NAME

const char *error_name(int err)
{
	unsigned n = (unsigned)(err < 0 ? -err : err);

	return n < sizeof(names) / sizeof(names[0]) && names[n] ? names[n] : "Unknown error";
}

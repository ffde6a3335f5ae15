/* SPDX-License-Identifier: MIT */
/* screen.c - takes the whole terminal: see screen.h */
#define NCURSES_WIDECHAR 1
#include "top/screen.h"
#include "common/terminal.h"
#include "processes/rate.h"
#include <errno.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <term.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

static struct {
	SCREEN *curses;
	struct terminal terminal;
	int signals; /* a signalfd */
	int ended;   /* the signal that has ended us, or 0 */
	sigset_t mask_before;
} screen = { .signals = -1 };

/* -- signals ------------------------------------------------------------------------------- */

static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH };
#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

/* Signals are read from a descriptor.  Those that are ignored (nohup) stay so. */
static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, &screen.mask_before);
	screen.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (screen.signals < 0)
		sigprocmask(SIG_SETMASK, &screen.mask_before, NULL);
	return screen.signals;
}

/* Takes the default action for a signal that was read. */
static void deliver(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	raise(number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Stops until somebody continues us. */
static void stop(void)
{
	endwin();
	deliver(SIGTSTP);
}

/* The terminal may have been somebody else's meanwhile, or have changed its size. */
static void restore(void)
{
	struct winsize size;

	reset_prog_mode();
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
	clearok(curscr, TRUE);
}

static int read_signal(void)
{
	struct signalfd_siginfo info;

	if (read(screen.signals, &info, sizeof(info)) != sizeof(info))
		return SCREEN_OTHER;
	if (info.ssi_signo == SIGTSTP)
		stop();
	if (info.ssi_signo == SIGTSTP || info.ssi_signo == SIGCONT || info.ssi_signo == SIGWINCH) {
		restore();
		return SCREEN_REDRAW;
	}
	screen.ended = (int)info.ssi_signo;
	return SCREEN_END;
}

/* -- keys ---------------------------------------------------------------------------------- */

static int key_of(int c)
{
	switch (c) {
	case KEY_UP:
		return SCREEN_LINE_UP;
	case KEY_DOWN:
		return SCREEN_LINE_DOWN;
	case KEY_PPAGE:
		return SCREEN_PAGE_UP;
	case KEY_NPAGE:
		return SCREEN_PAGE_DOWN;
	case KEY_HOME:
		return SCREEN_FIRST;
	case KEY_END:
		return SCREEN_LAST;
	case KEY_BACKSPACE:
	case '\b':
	case 0x7f:
		return SCREEN_ERASE;
	case KEY_RESIZE:
		return SCREEN_REDRAW;
	case 'L' - '@': /* as in other programs */
		clearok(curscr, TRUE);
		return SCREEN_REDRAW;
	default:
		return c < 0x80 ? c : SCREEN_OTHER;
	}
}

static int wait_until(struct pollfd fds[2], uint64_t until)
{
	uint64_t now = rate_now(), left = until > now ? until - now : 0;
	struct timespec timeout = { (time_t)(left / 1000000000u), (long)(left % 1000000000u) };

	return ppoll(fds, 2, &timeout, NULL);
}

int screen_wait(uint64_t until)
{
	struct pollfd fds[2] = { { STDIN_FILENO, POLLIN, 0 }, { screen.signals, POLLIN, 0 } };
	int c = getch(), ready; /* ncurses may have read more than one */

	if (c != ERR)
		return key_of(c);
	ready = wait_until(fds, until);
	if (ready == 0)
		return SCREEN_TIME;
	if (ready < 0)
		return errno == EINTR ? SCREEN_OTHER : SCREEN_END;
	if (fds[1].revents)
		return read_signal();
	c = getch();
	if (c != ERR)
		return key_of(c);
	return fds[0].revents == POLLIN ? SCREEN_OTHER : SCREEN_END;
}

/* -- drawing ------------------------------------------------------------------------------- */

/* Colours, on the terminal's own background. */
static const struct {
	short colour; /* -1: the terminal's own */
	attr_t with, without;
} looks[LOOKS] = {
	[LOOK_PLAIN] = { -1, A_NORMAL, A_NORMAL },
	[LOOK_BOLD] = { -1, A_BOLD, A_BOLD },
	[LOOK_DIM] = { COLOR_CYAN, A_NORMAL, A_NORMAL },
	[LOOK_TITLE] = { COLOR_GREEN, A_REVERSE, A_REVERSE },
	[LOOK_SELECTED] = { COLOR_CYAN, A_REVERSE, A_REVERSE },
	[LOOK_RESIDENT] = { COLOR_GREEN, A_NORMAL, A_NORMAL },
	[LOOK_CACHED] = { COLOR_YELLOW, A_NORMAL, A_NORMAL },
	[LOOK_COMPRESSED] = { COLOR_CYAN, A_BOLD, A_NORMAL },
	[LOOK_OTHER] = { COLOR_BLUE, A_BOLD, A_NORMAL },
	[LOOK_SWAPPED] = { COLOR_RED, A_NORMAL, A_NORMAL },
	[LOOK_SOFT] = { COLOR_YELLOW, A_NORMAL, A_NORMAL },
	[LOOK_MAJOR] = { COLOR_RED, A_NORMAL, A_NORMAL },
	[LOOK_READ] = { COLOR_GREEN, A_NORMAL, A_NORMAL },
	[LOOK_WRITTEN] = { COLOR_MAGENTA, A_NORMAL, A_NORMAL },
	[LOOK_WARNING] = { COLOR_RED, A_BOLD, A_BOLD },
};

static attr_t attributes[LOOKS];

static void choose_looks(void)
{
	bool colours = screen.terminal.colours && has_colors() && start_color() == OK;

	if (colours)
		use_default_colors();
	for (short i = 0; i < LOOKS; i++) {
		attributes[i] = colours ? looks[i].with : looks[i].without;
		if (colours && looks[i].colour >= 0 && init_pair(i, looks[i].colour, -1) == OK)
			attributes[i] |= (attr_t)COLOR_PAIR(i);
	}
}

void screen_clear(void)
{
	erase();
}

void screen_show(void)
{
	refresh();
}

/* The next character; '?' for what is none, or cannot be shown. */
static wchar_t next_character(const char **text, mbstate_t *state)
{
	wchar_t c;
	size_t bytes = mbrtowc(&c, *text, strlen(*text), state);

	if (bytes == 0 || bytes > strlen(*text)) {
		*state = (mbstate_t){ 0 };
		bytes = 1;
		c = L'?';
	}
	*text += bytes;
	return iswprint((wint_t)c) && wcwidth(c) > 0 ? c : L'?';
}

unsigned screen_put(unsigned line, unsigned column, unsigned room, enum screen_look look,
		    const char *text)
{
	unsigned width = screen_width(), end = column;
	mbstate_t state = { 0 };

	if (line >= screen_height() || column >= width)
		return column;
	if (room > width - column)
		room = width - column;
	attrset((int)attributes[look]);
	move((int)line, (int)column);
	while (*text) {
		wchar_t c = next_character(&text, &state);

		if (end + (unsigned)wcwidth(c) > column + room)
			break;
		addnwstr(&c, 1);
		end += (unsigned)wcwidth(c);
	}
	attrset(A_NORMAL);
	return end;
}

/* -- taking it, and giving it back --------------------------------------------------------- */

unsigned screen_width(void)
{
	return (unsigned)COLS;
}

unsigned screen_height(void)
{
	return (unsigned)LINES;
}

bool screen_utf8(void)
{
	return screen.terminal.blocks;
}

static const char *why_not(void)
{
	bool moves;
	int err;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return "needs a terminal";
	if (setupterm(NULL, STDOUT_FILENO, &err) != OK)
		return "the terminal is of a kind that is not known here (TERM)";
	moves = cursor_address;
	del_curterm(cur_term);
	return moves ? NULL : "the terminal cannot move its cursor (TERM)";
}

/* ncurses installs handlers where there were none. */
static void keep_handlers(struct sigaction handlers[SIGNALS], bool put_back)
{
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], put_back ? &handlers[i] : NULL,
			  put_back ? NULL : &handlers[i]);
}

static bool begin_screen(void)
{
	struct sigaction handlers[SIGNALS];

	keep_handlers(handlers, false);
	screen.curses = newterm(NULL, stdout, stdin);
	keep_handlers(handlers, true);
	if (!screen.curses)
		return false;
	set_escdelay(50);
	cbreak();
	noecho();
	nonl();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	curs_set(0);
	choose_looks();
	return true;
}

const char *screen_begin(void)
{
	const char *why;

	screen.terminal = terminal_look();
	why = why_not();
	if (why)
		return why;
	if (block_signals() < 0)
		return "no descriptor is left";
	if (!begin_screen()) {
		sigprocmask(SIG_SETMASK, &screen.mask_before, NULL);
		return "the terminal cannot be used for a full screen";
	}
	return NULL;
}

void screen_end(void)
{
	endwin();
	delscreen(screen.curses);
	close(screen.signals);
	if (screen.ended)
		raise(screen.ended);
	sigprocmask(SIG_SETMASK, &screen.mask_before, NULL);
}

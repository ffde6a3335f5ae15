# SPDX-License-Identifier: MIT
# spill.m4 - what configure.ac asks for, one macro to a question

# SPILL_MISSING(WHAT, DEBIAN, FEDORA)
# Notes that something is missing, and the packages that it is in.
AC_DEFUN([SPILL_MISSING], [dnl
spill_missing="$spill_missing
    $1"
  AS_CASE([" $spill_missing_debian "], [*" $2 "*], [], [dnl
    spill_missing_debian="$spill_missing_debian $2"
    spill_missing_fedora="$spill_missing_fedora $3"])])

# SPILL_REQUIRE(VARIABLE, MODULE, VERSION, NAME, DEBIAN, FEDORA)
# A library that must be there, found with pkg-config.
AC_DEFUN([SPILL_REQUIRE], [dnl
PKG_CHECK_MODULES([$1], [$2 >= $3], [],
  [SPILL_MISSING([$4 >= $3 (Debian: $5, Fedora: $6)], [$5], [$6])])])

# SPILL_CHECK_MISSING
# Ends configure if anything is missing, naming all of it at once.
AC_DEFUN([SPILL_CHECK_MISSING], [dnl
AS_IF([test -n "$spill_missing"],
  [AC_MSG_ERROR([missing:$spill_missing

On Debian or Ubuntu:  apt-get install$spill_missing_debian
On Fedora:            dnf install$spill_missing_fedora
In a clone of the repository, ./bootstrap does that (on Debian and Ubuntu).])])])

# SPILL_CFLAGS(VARIABLE, FLAGS)
# Adds those of FLAGS to VARIABLE that the compiler knows.
AC_DEFUN([SPILL_CFLAGS], [dnl
AC_REQUIRE([AC_PROG_CC])dnl
AC_MSG_CHECKING([whether $CC knows the flags of $1])
spill_cflags_saved=$CFLAGS
spill_cflags_refused=
m4_pushdef([SPILL_SOURCE],
  [AC_LANG_SOURCE([[int probe(void); int probe(void) { return 0; }]])])dnl
CFLAGS="$spill_cflags_saved -Werror $2"
AC_COMPILE_IFELSE([SPILL_SOURCE], [$1="$$1 $2"], [dnl
  for spill_flag in $2; do
    CFLAGS="$spill_cflags_saved -Werror $spill_flag"
    AC_COMPILE_IFELSE([SPILL_SOURCE], [$1="$$1 $spill_flag"],
      [spill_cflags_refused="$spill_cflags_refused $spill_flag"])
  done])
m4_popdef([SPILL_SOURCE])dnl
CFLAGS=$spill_cflags_saved
AS_IF([test -n "$spill_cflags_refused"],
  [AC_MSG_RESULT([all but$spill_cflags_refused])],
  [AC_MSG_RESULT([all])])
AC_SUBST([$1])])

# SPILL_NO_UNDEFINED
# NO_UNDEFINED_LDFLAGS: a shared library may not lack symbols, unless a
# sanitizer's runtime is to come from the program.
AC_DEFUN([SPILL_NO_UNDEFINED], [dnl
AC_MSG_CHECKING([whether shared libraries link with -z defs])
spill_cflags_saved=$CFLAGS
spill_ldflags_saved=$LDFLAGS
CFLAGS="$CFLAGS -fPIC"
LDFLAGS="$LDFLAGS -shared -Wl,-z,defs"
AC_LINK_IFELSE([AC_LANG_SOURCE([[int probe(int *p, int n); int probe(int *p, int n) { return p[n] + n; }]])],
  [AC_MSG_RESULT([yes])
   NO_UNDEFINED_LDFLAGS=-Wl,-z,defs],
  [AC_MSG_RESULT([no])
   NO_UNDEFINED_LDFLAGS=])
CFLAGS=$spill_cflags_saved
LDFLAGS=$spill_ldflags_saved
AC_SUBST([NO_UNDEFINED_LDFLAGS])])

# SPILL_IF_PIC(ARCHIVE, YES, NO)
# Whether a static library can be linked into a shared one.
AC_DEFUN([SPILL_IF_PIC], [dnl
AS_IF([$CC -shared -o conftest.so -Wl,-z,text \
         -Wl,--whole-archive "$1" -Wl,--no-whole-archive >&AS_MESSAGE_LOG_FD 2>&1],
  [rm -f conftest.so
   $2],
  [rm -f conftest.so
   $3])])

# SPILL_JEMALLOC_ARCHIVE
# JEMALLOC_ARCHIVE: jemalloc 5.3's static library, which must be
# position-independent, without a prefix of its own, and without dynamic TLS.
AC_DEFUN([SPILL_JEMALLOC_ARCHIVE], [dnl
AC_ARG_WITH([jemalloc],
  [AS_HELP_STRING([--with-jemalloc=PATH],
    [jemalloc 5.3's static PIC library @<:@libjemalloc_pic.a where pkg-config finds jemalloc@:>@])],
  [], [with_jemalloc=])
AS_CASE([$with_jemalloc],
  [yes], [with_jemalloc=],
  [no], [AC_MSG_ERROR([the preload library needs jemalloc; --disable-preload does without])])
JEMALLOC_ARCHIVE=$with_jemalloc
AS_IF([test -z "$JEMALLOC_ARCHIVE"],
  [PKG_CHECK_VAR([JEMALLOC_LIBDIR], [jemalloc], [libdir])
   JEMALLOC_ARCHIVE=${JEMALLOC_LIBDIR:+$JEMALLOC_LIBDIR/}libjemalloc_pic.a])
AC_MSG_CHECKING([for jemalloc 5.3's static PIC library])
AS_IF([test ! -f "$JEMALLOC_ARCHIVE"],
    [spill_problem="is not there"],
  [! LC_ALL=C grep -a -q '5\.3\.@<:@0-9@:>@*-@<:@0-9@:>@*-g@<:@0-9a-f@:>@' "$JEMALLOC_ARCHIVE"],
    [spill_problem="is not jemalloc 5.3"],
  [! $NM "$JEMALLOC_ARCHIVE" 2>/dev/null | grep -q ' T malloc$'],
    [spill_problem="does not define malloc (it was built with a prefix)"],
  [$NM "$JEMALLOC_ARCHIVE" 2>/dev/null | grep -q ' U __tls_get_addr$'],
    [spill_problem="uses dynamic TLS (build it with -ftls-model=initial-exec)"],
  [SPILL_IF_PIC([$JEMALLOC_ARCHIVE], [spill_problem=],
    [spill_problem="is not position-independent"])])
AS_IF([test -z "$spill_problem"],
  [AC_MSG_RESULT([$JEMALLOC_ARCHIVE])],
  [AC_MSG_RESULT([no])
   SPILL_MISSING([jemalloc 5.3's static PIC library: $JEMALLOC_ARCHIVE $spill_problem
        (Debian: libjemalloc-dev; Fedora: jemalloc-devel has none, so build jemalloc 5.3 with -fPIC
        and pass --with-jemalloc=PATH; --disable-preload does without)],
     [libjemalloc-dev], [jemalloc-devel])])
AS_CASE([$JEMALLOC_ARCHIVE], [/*], [], [JEMALLOC_ARCHIVE=`pwd`/$JEMALLOC_ARCHIVE])
spill_cppflags_saved=$CPPFLAGS
CPPFLAGS="$CPPFLAGS $JEMALLOC_CFLAGS"
AC_CHECK_HEADER([jemalloc/jemalloc.h], [],
  [SPILL_MISSING([jemalloc/jemalloc.h (Debian: libjemalloc-dev, Fedora: jemalloc-devel; CPPFLAGS=-IDIRECTORY elsewhere)],
     [libjemalloc-dev], [jemalloc-devel])], [AC_INCLUDES_DEFAULT])
CPPFLAGS=$spill_cppflags_saved
AC_SUBST([JEMALLOC_ARCHIVE])])

# SPILL_FIND_ARCHIVE(PREFIX, NAME, MODULE)
# PREFIX_ARCHIVE: the static library, which must be position-independent; spill_problem, if it is not
# there or cannot be used.
AC_DEFUN([SPILL_FIND_ARCHIVE], [dnl
AC_ARG_WITH([$3-archive],
  [AS_HELP_STRING([--with-$3-archive=PATH],
    [$2's static library @<:@$3.a where pkg-config finds $2@:>@])],
  [$1_ARCHIVE=$withval], [$1_ARCHIVE=])
AS_IF([test -z "$$1_ARCHIVE"],
  [PKG_CHECK_VAR([$1_LIBDIR], [$3], [libdir])
   $1_ARCHIVE=${$1_LIBDIR:+$$1_LIBDIR/}$3.a])
AC_MSG_CHECKING([for $2's static library])
AS_IF([test ! -f "$$1_ARCHIVE"],
    [spill_problem="is not there"],
  [SPILL_IF_PIC([$$1_ARCHIVE], [spill_problem=],
    [spill_problem="is not position-independent"])])
AS_IF([test -z "$spill_problem"],
  [AC_MSG_RESULT([$$1_ARCHIVE])],
  [AC_MSG_RESULT([no])])
AS_CASE([$$1_ARCHIVE], [/*], [], [$1_ARCHIVE=`pwd`/$$1_ARCHIVE])
AC_SUBST([$1_ARCHIVE])])

# SPILL_LIBURING_ARCHIVE
# LIBURING_ARCHIVE: it must be there.
AC_DEFUN([SPILL_LIBURING_ARCHIVE], [dnl
SPILL_FIND_ARCHIVE([LIBURING], [liburing], [liburing])
AS_IF([test -n "$spill_problem"],
  [SPILL_MISSING([liburing's static library: $LIBURING_ARCHIVE $spill_problem
        (Debian: liburing-dev; Fedora: liburing-devel has none, so build liburing with -fPIC
        and pass --with-liburing-archive=PATH; --disable-preload does without)],
     [liburing-dev], [liburing-devel])])])

# SPILL_LZ4
# LZ4_CFLAGS, LZ4_LIBS, LZ4_ARCHIVE (with a preload library), and whether LZ4 is there: it may be
# missing, unless --with-lz4 asks for it.
AC_DEFUN([SPILL_LZ4], [dnl
AC_ARG_WITH([lz4],
  [AS_HELP_STRING([--without-lz4], [build without --compress @<:@if LZ4 is missing@:>@])],
  [], [with_lz4=check])
spill_lz4_asked=$with_lz4
AS_IF([test "$with_lz4" != no],
  [PKG_CHECK_MODULES([LZ4], [liblz4 >= 1.9], [spill_problem=],
     [spill_problem="is not there"])
   AS_IF([test -z "$spill_problem" && test "$enable_preload" != no],
     [SPILL_FIND_ARCHIVE([LZ4], [LZ4], [liblz4])])
   spill_lz4_problem=$spill_problem
   AS_IF([test -z "$spill_problem"], [with_lz4=yes], [with_lz4=no])])
AS_IF([test "$with_lz4" = no],
  [LZ4_CFLAGS= LZ4_LIBS= LZ4_ARCHIVE=
   AS_IF([test "$spill_lz4_asked" = yes],
     [SPILL_MISSING([LZ4 >= 1.9, with its static library (Debian: liblz4-dev, Fedora: lz4-devel and lz4-static)],
        [liblz4-dev], [lz4-devel lz4-static])])])
AM_CONDITIONAL([LZ4], [test "$with_lz4" = yes])
AC_SUBST([LZ4_ARCHIVE])])

# SPILL_CXX
# CXX, CXXFLAGS: a C++ compiler for test programs, or nothing.  (AC_PROG_CXX
# would make libtool learn C++, which takes longer than the whole build.)
AC_DEFUN([SPILL_CXX], [dnl
AC_ARG_VAR([CXX], [C++ compiler, for test programs only])
AC_ARG_VAR([CXXFLAGS], [C++ compiler flags])
: ${CXXFLAGS=-O2 -g}
AC_CHECK_TOOLS([CXX], [g++ clang++ c++])
AS_IF([test -n "$CXX"], [dnl
  AC_MSG_CHECKING([whether $CXX compiles C++])
  AS_ECHO(['#include <map>
int main() { std::map<int, int> m; m[[1]] = 0; return m[[1]]; }']) >conftest.cc
  AS_IF([$CXX $CXXFLAGS -o conftest conftest.cc >&AS_MESSAGE_LOG_FD 2>&1],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     CXX=])
  rm -f conftest conftest.cc])
AM_CONDITIONAL([HAVE_CXX], [test -n "$CXX"])])

dnl SPILL_ARG_DIR(NAME, PACKAGE, VARIABLE, SUFFIX, HELP)
dnl --with-NAME[=DIR]: the directory, or what PACKAGE's pkg-config file calls VARIABLE; substituted as
dnl NAME, and as a conditional WITH_NAME in capitals.  The default is not to.
AC_DEFUN([SPILL_ARG_DIR],
[AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1@<:@=DIR@:>@], [$5])], [], [with_$1=no])
AS_CASE([$with_$1],
  [no], [$1=],
  [yes], [$1=`$PKG_CONFIG --variable=$3 $2 2>/dev/null`
    AS_IF([test -z "$$1"],
      [AC_MSG_ERROR([--with-$1: $2 does not say where; give it a directory])],
      [$1=$$1$4])],
  [$1=$with_$1])
AC_SUBST([$1])
AM_CONDITIONAL(m4_toupper([WITH_$1]), [test -n "$$1"])])

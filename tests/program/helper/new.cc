// SPDX-License-Identifier: MIT
// new.cc - operator new and delete in all their forms, beside more memory than the budget
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace {

struct alignas(4096) Wide {
	unsigned char byte[8192];
};

struct alignas(64) Line {
	std::uint64_t word[8];
};

template <class T> bool fill_and_check(unsigned n)
{
	std::vector<std::unique_ptr<T>> kept;
	std::vector<std::unique_ptr<T[]>> arrays;
	bool right = true;

	for (unsigned i = 0; i < n; i++) {
		kept.emplace_back(new T);
		arrays.emplace_back(new T[3]);
		std::memset(static_cast<void *>(kept[i].get()), static_cast<int>(i), sizeof(T));
		std::memset(static_cast<void *>(arrays[i].get()), static_cast<int>(~i), 3 * sizeof(T));
	}
	for (unsigned i = 0; i < n; i++) {
		const auto *one = reinterpret_cast<unsigned char *>(kept[i].get());
		const auto *all = reinterpret_cast<unsigned char *>(arrays[i].get());

		right &= reinterpret_cast<std::uintptr_t>(one) % alignof(T) == 0;
		right &= reinterpret_cast<std::uintptr_t>(all) % alignof(T) == 0;
		for (std::size_t k = 0; k < sizeof(T); k += 7)
			right &= one[k] == static_cast<unsigned char>(i);
		for (std::size_t k = 0; k < 3 * sizeof(T); k += 7)
			right &= all[k] == static_cast<unsigned char>(~i);
	}
	return right;
}

bool refuses_what_is_absurd()
{
	volatile std::size_t absurd = SIZE_MAX / 2;

	try {
		::operator delete(::operator new(absurd));
		return false;
	} catch (const std::bad_alloc &) {
	}
	return ::operator new(absurd, std::nothrow) == nullptr &&
	       ::operator new(absurd, std::align_val_t(4096), std::nothrow) == nullptr;
}

} // namespace

int main()
{
	bool right = fill_and_check<Wide>(1200) && fill_and_check<Line>(100000) &&
		     fill_and_check<std::uint64_t>(300000) && refuses_what_is_absurd();

	std::puts(right ? "right" : "wrong");
	return !right;
}

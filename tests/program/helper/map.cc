// SPDX-License-Identifier: MIT
// map.cc - a std::map of two million entries: made, searched, half of it erased
#include <cstdint>
#include <cstdio>
#include <map>

int main()
{
	std::map<uint64_t, uint64_t> map;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < 2000000; i++)
		map[i * 3] = i * 0x9E3779B97F4A7C15u;
	for (const auto &entry : map)
		sum = sum * 31 + entry.first + entry.second;
	for (uint64_t i = 0; i < 2000000; i += 2)
		map.erase(i * 3);
	for (const auto &entry : map)
		sum = sum * 31 + entry.first + entry.second;
	std::printf("%zu %llu\n", map.size(), static_cast<unsigned long long>(sum));
	return map.size() == 1000000 ? 0 : 1;
}

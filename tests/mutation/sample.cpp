// A source for tests/system/test_mutate.py, which mutates it.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace sluice {
namespace {

constexpr int limit = 1 + 1;  // constant expressions have no mutants
static_assert(limit == 2);

int count_of(const std::string& text, int number) {
  int count = 0;
  for (const char c : text) {
    if (c == ' ') continue;  // a space
    const auto is_digit = [&](auto other) { return other >= '0' && other <= '9'; };
    if (is_digit(c) || number > limit) ++count;
  }
  switch (number) {
    case 1: return std::max(count, number);
    default: break;
  }
  if (count < number) return number + count;
  std::string copy;
  copy = text;
  return copy.empty() ? -1 : count;
}

}  // namespace
}  // namespace sluice

int main(int, char** argv) { std::printf("%d\n", sluice::count_of(argv[1], std::atoi(argv[2]))); }

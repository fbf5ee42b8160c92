#pragma once
// One finding of clang-tidy a check, where the check looks at headers; see planted.cpp.
// clang-format off: some of them are in the layout.
#include <string>
#include <utility>
#include <vector>

namespace planted {

class Base {  // NOLINT(bugprone-virtual-near-miss): the near miss is below
 public:
  virtual ~Base() = default;
  virtual void carry_out() {}
  virtual int count() { return 0; }
};

int defined_in_a_header() { return 1; }  // misc-definitions-in-headers

class Near : public Base {
 public:
  virtual void carry_aut() {}        // bugprone-virtual-near-miss
  virtual int count() { return 1; }  // modernize-use-override
};

struct Holder {
  explicit Holder(const std::string& name) : name_given(name) {}
  bool is_there() const { return name_given.size() != 0; }  // readability-container-size-empty
  std::string name_given;
};

inline int BadName() { return 0; }  // readability-identifier-naming

inline void take(std::vector<std::string> many) {  // performance-unnecessary-value-param
  (void)many.size();
}

}  // namespace planted

#include "sluice/base/findings.hpp"

#include <utility>

namespace sluice {

void Findings::add(std::string finding) {
  ++count_;
  if (kept_.size() < kept_max) kept_.push_back(std::move(finding));
}

std::vector<std::string> Findings::list() && {
  auto list = std::move(kept_);
  if (count_ > list.size()) list.push_back("and " + std::to_string(count_ - list.size()) + " more");
  return list;
}

Error Findings::error(Code code) && {
  auto notes = std::move(*this).list();
  auto error = user_error(code, std::move(notes.front()));
  notes.erase(notes.begin());
  error.notes = std::move(notes);
  return error;
}

}  // namespace sluice

#include "sluice/base/pattern.hpp"

#include <string>

#include <re2/re2.h>

#include "sluice/base/words.hpp"

namespace sluice {
namespace {

/// What a pattern of the most steps needs to be looked for without being slower.
constexpr std::int64_t memory_max = std::int64_t{4} << 20;

Fail refuse(std::string_view why) {
  return Fail(user_error(Code::invalid_argument, "regular expression: " + std::string(why)));
}

}  // namespace

Result<Pattern> Pattern::compile(std::string_view pattern) {
  if (pattern.size() > bytes_max) return refuse("it is longer than " + std::to_string(bytes_max) + " bytes");
  if (!is_utf8(pattern)) return refuse("it is not UTF-8");
  RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(memory_max);
  const auto compiled =
      std::make_shared<const RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (compiled->error_code() == RE2::ErrorPatternTooLarge || compiled->ProgramSize() > steps_max)
    return refuse("it is too large; repeat less");
  if (!compiled->ok()) return refuse(as_utf8(compiled->error()));
  return Pattern(compiled);
}

bool Pattern::is_in(std::string_view text) const {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

}  // namespace sluice

#include "sluice/domain/tracking/page_token.hpp"

#include <optional>

#include <fmt/format.h>

#include "sluice/base/json.hpp"
#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/search_grammar.hpp"

namespace sluice::tracking {
namespace {

// A token of MLflow's search of logged models holds the whole search.
constexpr std::size_t token_bytes_max = std::size_t{256} << 10;

Fail refusal(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

}  // namespace

Result<std::int64_t> offset_of(std::string_view token) {
  if (token.empty()) return 0;
  if (token.size() > token_bytes_max)
    return refusal(fmt::format("Invalid page token, longer than {} bytes", token_bytes_max));
  const auto decoded = base64_decode(token);
  if (!decoded) return refusal("Invalid page token, could not base64-decode");
  const auto parsed = parse_json(*decoded, "page_token");
  if (!parsed) return refusal(fmt::format("Invalid page token, decoded value={}", shown(as_utf8(*decoded))));
  const auto* offset = parsed->find("offset");
  const auto* written = offset ? offset->if_string() : nullptr;
  const auto number =
      written ? parse_integer<std::int64_t>(*written) : std::optional(parsed->integer_at("offset"));
  if (!number && !written->empty()) return refusal("Invalid page token, not stringable " + shown(*written));
  if (!number || *number <= 0) return refusal("Invalid page token, parsed value=" + shown(to_json(*parsed)));
  return *number;
}

std::string token_of(std::int64_t offset) {
  return base64_encode(fmt::format(R"({{"offset": {}}})", offset));
}

}  // namespace sluice::tracking

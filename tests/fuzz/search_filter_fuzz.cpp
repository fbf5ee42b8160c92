// Fuzzes filters and orders of every search. The first byte chooses the search, and whether the rest is a
// filter, clauses of an order, one in each line, or a page token.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/page_token.hpp"
#include "sluice/domain/tracking/search_filter.hpp"
#include "sluice/domain/tracking/search_order.hpp"

namespace {

using namespace sluice;
using namespace sluice::tracking;
using Comparator = ports::SearchCondition::Comparator;

const SearchGrammar& grammar_of(unsigned byte) {
  switch (byte % 6) {
    case 0: return run_search();
    case 1: return experiment_search();
    case 2: return registered_model_search();
    case 3: return model_version_search();
    case 4: return logged_model_search();
    default: return trace_search();
  }
}

/// What a store relies on.
void check(const ports::SearchCondition& condition) {
  const auto& operand = condition.operand;
  const auto comparator = condition.comparator;
  SLUICE_CHECK(is_utf8(condition.key));
  const auto* list = std::get_if<std::vector<std::string>>(&operand);
  SLUICE_CHECK((list != nullptr) == (comparator == Comparator::in || comparator == Comparator::not_in));
  SLUICE_CHECK(std::holds_alternative<std::monostate>(operand) ==
               (comparator == Comparator::is_null || comparator == Comparator::is_not_null));
  if (list) {
    SLUICE_CHECK(!list->empty() && list->size() <= filter_list_max);
    for (const auto& text : *list) SLUICE_CHECK(is_utf8(text));
  }
  if (const auto* text = std::get_if<std::string>(&operand)) SLUICE_CHECK(is_utf8(*text));
  if (condition.field == ports::SearchField::metric) SLUICE_CHECK(std::holds_alternative<double>(operand));
}

void check(const Error& error) {
  SLUICE_CHECK(error.code == Code::invalid_argument && is_utf8(error.message));
  SLUICE_CHECK(error.message.size() < std::size_t{32} << 10);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto& grammar = grammar_of(data[0]);
  const auto kind = data[0] / 6U % 3U;
  if (kind == 0) {
    const auto conditions = parse_filter(text, grammar);
    if (!conditions) {
      check(conditions.error());
      return 0;
    }
    SLUICE_CHECK(conditions->size() <= filter_conditions_max);
    for (const auto& condition : *conditions) check(condition);
  } else if (kind == 1) {
    const auto order = parse_order(lines_of(text), grammar);
    if (!order) check(order.error());
    if (order) SLUICE_CHECK(!order->empty());
  } else {
    const auto offset = offset_of(text);
    if (!offset) check(offset.error());
    if (offset) SLUICE_CHECK(*offset >= 0 && (*offset == 0 || *offset_of(token_of(*offset)) == *offset));
  }
  return 0;
}

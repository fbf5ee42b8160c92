#include "sluice/domain/tracking/search_order.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/words.hpp"
#include "sluice/domain/tracking/search_tokens.hpp"

namespace sluice::tracking {
namespace {

using Kind = SearchToken::Kind;
using Order = std::vector<ports::SearchOrder>;

Fail refusal(std::string message) { return Fail(user_error(Code::invalid_argument, std::move(message))); }

bool has(const Order& order, const ports::SearchOrder& wanted) {
  return std::ranges::any_of(
      order, [&](const auto& one) { return one.field == wanted.field && one.key == wanted.key; });
}

Order with_tie_breakers(Order order, const SearchGrammar& grammar) {
  if (order.empty()) order = grammar.default_order;
  for (const auto& one : grammar.tie_breakers)
    if (!has(order, one)) order.push_back(one);
  return order;
}

Result<void> check_size(std::size_t clauses) {
  if (clauses <= order_clauses_max) return {};
  return refusal(fmt::format("Invalid order_by: more than {} clauses", order_clauses_max));
}

Result<void> check_text(std::string_view clause) {
  if (clause.size() > order_clause_bytes_max)
    return refusal(fmt::format("Invalid order_by clause: longer than {} bytes", order_clause_bytes_max));
  if (!is_utf8(clause)) return refusal("Invalid order_by clause: the text is not UTF-8");
  return {};
}

Result<ports::SearchOrder> one_of(const std::string& clause, const SearchGrammar& grammar) {
  const auto tokens = search_tokens(clause);
  const auto is_name = [](const SearchToken& token) {
    return token.kind == Kind::identifier || token.kind == Kind::double_quoted;
  };
  if (tokens.empty() || tokens.size() > 2 || !std::ranges::all_of(tokens, is_name))
    return refusal(fmt::format("Invalid order_by clause '{}'. Could not be parsed.", shown(clause)));
  const bool is_descending = tokens.back().is_word("DESC");
  if (tokens.size() == 2 && !is_descending && !tokens.back().is_word("ASC"))
    return refusal(fmt::format("Invalid ordering key in order_by clause '{}'.", shown(clause)));
  SLUICE_TRY(target, grammar.target_of(tokens.front().text, SearchGrammar::Use::order));
  return ports::SearchOrder{
      .field = target.meant, .key = std::move(target.key), .ascending = tokens.size() == 1 || !is_descending};
}

}  // namespace

Result<Order> parse_order(const std::vector<std::string>& clauses, const SearchGrammar& grammar) {
  SLUICE_DO(check_size(clauses.size()));
  for (const auto& clause : clauses) SLUICE_DO(check_text(clause));
  Order order;
  for (const auto& clause : clauses) {
    SLUICE_TRY(one, one_of(clause, grammar));
    if (has(order, one))
      return refusal(fmt::format("`order_by` contains duplicate fields: ['{}']",
                                 shown(fmt::format("{}", fmt::join(clauses, "', '")))));
    order.push_back(std::move(one));
  }
  return with_tie_breakers(std::move(order), grammar);
}

Result<Order> parse_logged_model_order(const std::vector<LoggedModelOrder>& asked) {
  SLUICE_DO(check_size(asked.size()));
  const auto& grammar = logged_model_search();
  Order order;
  for (const auto& [field_name, ascending] : asked) {
    SLUICE_DO(check_text(field_name));
    constexpr std::string_view metrics = "metrics.";
    ports::SearchOrder one{.ascending = ascending};
    if (field_name.starts_with(metrics)) {
      one.field = ports::SearchField::metric;
      one.key = field_name.substr(metrics.size());
    } else if (field_name.contains('.')) {
      return refusal(
          fmt::format("Invalid order by field name: {}. Only metrics are supported.", shown(field_name)));
    } else {
      auto target = grammar.target_of(field_name, SearchGrammar::Use::order);
      if (!target) return refusal(fmt::format("Invalid order by field name: {}", shown(field_name)));
      one.key = std::move(target->key);
    }
    if (!has(order, one)) order.push_back(std::move(one));
  }
  return with_tie_breakers(std::move(order), grammar);
}

}  // namespace sluice::tracking

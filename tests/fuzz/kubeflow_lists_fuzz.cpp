// Fuzzes filters, orders and page tokens of Kubeflow's lists. The first byte chooses which of them the rest
// is.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/api/kubeflow/lists.hpp"
#include "sluice/base/words.hpp"

namespace {

using namespace sluice;
using namespace sluice::api::kubeflow;
using Comparator = ports::SearchCondition::Comparator;

constexpr auto fields = std::to_array<ListField>({
    {.name = "run_id", .key = "id", .kind = ListField::Kind::id},
    {.name = "name", .key = "display_name"},
    {.name = "created_at", .key = "created_at", .kind = ListField::Kind::time},
    {.name = "storage_state", .key = "archived", .kind = ListField::Kind::storage_state},
    {.name = "state", .key = "state", .kind = ListField::Kind::state},
});

/// What a store relies on: a number for what is one, a list where one belongs.
void check(const ports::SearchCondition& condition) {
  const bool is_number = condition.key == "created_at" || condition.key == "archived";
  const auto* list = std::get_if<std::vector<std::string>>(&condition.operand);
  SLUICE_CHECK(std::holds_alternative<std::int64_t>(condition.operand) == is_number);
  SLUICE_CHECK((list != nullptr) == (condition.comparator == Comparator::in));
  SLUICE_CHECK(list == nullptr || (!list->empty() && list->size() <= 1'000));
  SLUICE_CHECK(condition.comparator != Comparator::contains || !is_number);
}

void check(const Error& error) {
  SLUICE_CHECK(error.code == Code::invalid_argument && !error.message.empty() && is_utf8(error.message));
  SLUICE_CHECK(error.message.size() < std::size_t{4} << 10);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 3 == 0) {
    const auto conditions = parse_filter(text, fields);
    if (!conditions) check(conditions.error());
    if (conditions)
      for (const auto& condition : *conditions) check(condition);
    return 0;
  }
  if (data[0] % 3 == 1) {
    if (const auto order = parse_order(text, fields); !order) check(order.error());
    return 0;
  }
  if (text.empty()) return 0;  // no token
  ports::Request request;
  request.query.emplace_back("page_token", base64_encode(text));
  const auto read = list_request(request, fields);
  if (!read) {
    check(read.error());
    return 0;
  }
  // It is written as it was read.
  SLUICE_CHECK(read->query.after.has_value());
  request.query.front().second = token_of(*read, read->query.after);
  const auto again = list_request(request, fields);
  SLUICE_CHECK(again && again->query.conditions == read->query.conditions &&
               again->query.order == read->query.order);
  return 0;
}

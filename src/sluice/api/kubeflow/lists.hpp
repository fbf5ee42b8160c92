#pragma once
// Pages, orders and filters of lists, as Kubeflow's clients write them.
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sluice/ports/http.hpp"
#include "sluice/ports/pipelines.hpp"

namespace sluice::api::kubeflow {

/// A field that can be filtered by, and ordered by.
struct ListField {
  enum class Kind { id, text, time, storage_state, state };
  std::string_view name;  ///< of the API; several may be one attribute
  std::string_view key;   ///< ports::ListQuery's
  Kind kind = Kind::text;
};

struct ListRequest {
  ports::ListQuery query;
  std::string sort_by;
  std::string filter;
};
/// Of the query parameters `page_size`, `page_token`, `sort_by` and `filter`. A token carries the order and
/// the filter of the first page; those of the request, if there are any, must be the same.
Result<ListRequest> list_request(const ports::Request& request, std::span<const ListField> fields);

/// "" if nothing follows.
std::string token_of(const ListRequest& request, const std::optional<ports::ListQuery::Position>& next);

// The parts of `list_request`.

/// `text`: JSON, perhaps percent-encoded once more.
Result<std::vector<ports::SearchCondition>> parse_filter(std::string_view text,
                                                         std::span<const ListField> fields);
/// "created_at desc"; "": ascending by time.
Result<ports::SearchOrder> parse_order(std::string_view text, std::span<const ListField> fields);

}  // namespace sluice::api::kubeflow

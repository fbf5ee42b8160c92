#include "sluice/host/picture_request.hpp"

#include <fmt/format.h>

namespace sluice::host {
namespace {

constexpr std::size_t pictures_per_request_max = 1024;

}  // namespace

Result<std::shared_ptr<PictureRequest>> PictureRequest::from(std::int64_t id, const Value& params,
                                                             std::string payload) {
  const auto* sizes = params.find("sizes");
  if (sizes == nullptr || !sizes->is_list() || sizes->if_list()->empty())
    return Fail(user_error(Code::invalid_argument,
                           "param `sizes` must be a list of the sizes of the pictures in bytes"));
  const auto count = sizes->if_list()->size();
  if (count > pictures_per_request_max)
    return Fail(
        user_error(Code::too_large,
                   fmt::format("{} pictures in one request exceed the limit of {}; send several requests",
                               count, pictures_per_request_max)));
  auto out = std::make_shared<PictureRequest>();
  out->id = id;
  out->payload = std::move(payload);
  out->missing = count;
  const auto mismatch = [] {
    return Fail(user_error(Code::invalid_argument, "param `sizes` does not match the payload"));
  };
  std::string_view rest = out->payload;
  for (const auto& entry : *sizes->if_list()) {
    const auto* size = entry.if_integer();
    if (size == nullptr || *size < 0 || static_cast<std::uint64_t>(*size) > rest.size()) return mismatch();
    out->pictures.push_back(rest.substr(0, static_cast<std::size_t>(*size)));
    rest.remove_prefix(static_cast<std::size_t>(*size));
    out->rows.emplace_back();
  }
  if (!rest.empty()) return mismatch();
  return out;
}

std::vector<float> PictureRequest::readable_rows() const {
  std::vector<float> out;
  for (const auto& row : rows)
    if (row) out.insert(out.end(), row->begin(), row->end());
  return out;
}

}  // namespace sluice::host

#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "sluice/base/result.hpp"
#include "sluice/base/value.hpp"

namespace sluice::api {

/// The binary data that follows the JSON, consumed from the front.
class Tail {
 public:
  explicit Tail(std::string_view bytes) : left_(bytes) {}
  [[nodiscard]] std::size_t left() const { return left_.size(); }
  /// The next bytes: as many as the parameter `binary_data_size` says. `where` starts the message of an
  /// error.
  Result<std::string_view> take(const Value& size, const std::string& where);

 private:
  std::string_view left_;
};

/// Reads the pictures of the input `image`, from its `data` or from the tail. `content_type`: that of the
/// whole request, for an input that has none.
Result<std::vector<std::string>> read_image_tensor(const Value& input, std::string_view content_type,
                                                   Tail& tail);

/// The `parameters` of an object; an empty struct if there are none.
Result<Value> parameters_of(const Value& json, const std::string& where);
/// A string in an object; "" if it is absent.
Result<std::string> text_in(const Value& json, std::string_view key, const std::string& where);
Result<void> refuse_shared_memory(const Value& parameters, const std::string& where);

}  // namespace sluice::api

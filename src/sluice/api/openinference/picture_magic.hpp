#pragma once
#include <string_view>

namespace sluice::api {

/// Whether bytes begin as a picture file does: to tell a picture that is sent as it is from JSON. Also true
/// for formats that hosts cannot decode, so that the message about them is the host's.
bool begins_as_picture(std::string_view bytes);

}  // namespace sluice::api

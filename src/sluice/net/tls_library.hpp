#pragma once
#include <string>

namespace sluice::net {

/// The version of the library that speaks TLS, "3.0.17".
std::string tls_library_version();

}  // namespace sluice::net

#pragma once
#include <filesystem>
#include <string>

#include "sluice/base/random.hpp"
#include "sluice/base/result.hpp"

namespace sluice::stores {

/// A key of 256 random bits, in hexadecimal, that is made once and kept in a file which only its user may
/// read. Code::data_loss if the file holds something else.
Result<std::string> kept_key(const std::filesystem::path& file, Random& random);

}  // namespace sluice::stores

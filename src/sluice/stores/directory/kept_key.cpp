#include "sluice/stores/directory/kept_key.hpp"

#include <fmt/format.h>

#include "sluice/base/digest.hpp"
#include "sluice/os/files.hpp"

namespace sluice::stores {

Result<std::string> kept_key(const std::filesystem::path& file, Random& random) {
  constexpr std::size_t digits = 64;
  auto kept = os::read_file(file, digits);
  if (kept && Digest::from_hex(*kept)) return kept;
  if (kept || kept.error().code != Code::not_found)
    return Fail(environment_error(Code::data_loss,
                                  os::printable(file) +
                                      ": it should hold the key that this program wrote; remove it, and "
                                      "another one is made"));
  std::string key;
  for (int i = 0; i < 4; ++i) key += fmt::format("{:016x}", random.next());
  SLUICE_DO(os::write_file_atomically(file, key, os::Sync::no, 0600));
  return key;
}

}  // namespace sluice::stores

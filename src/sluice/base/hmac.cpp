#include "sluice/base/hmac.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace sluice {

Digest hmac(std::string_view key, std::string_view text) {
  Digest digest;
  unsigned length = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  SLUICE_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(),
                    digest.bytes.data(), &length) != nullptr &&
               length == digest.bytes.size());
  return digest;
}

}  // namespace sluice

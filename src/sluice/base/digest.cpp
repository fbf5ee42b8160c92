#include "sluice/base/digest.hpp"

#include <openssl/evp.h>

namespace sluice {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string to_hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (auto b : bytes) {
    text.push_back(hex_digits[b >> 4]);
    text.push_back(hex_digits[b & 15]);
  }
  return text;
}

std::string Digest::hex() const { return to_hex(bytes); }

Result<Digest> Digest::from_hex(std::string_view text) {
  Digest digest;
  if (text.size() != 64)
    return Fail(user_error(Code::invalid_argument,
                           "a digest is 64 hexadecimal digits, not " + std::to_string(text.size())));
  for (std::size_t i = 0; i < 32; ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0)
      return Fail(user_error(Code::invalid_argument, "a digest is written in lower-case hexadecimal digits"));
    digest.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return digest;
}

struct Hasher::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~Impl() { EVP_MD_CTX_free(context); }

  void begin() {
    // Fetching the algorithm by name costs more than hashing a small value; it is fetched once.
    static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    SLUICE_CHECK(context != nullptr && EVP_DigestInit_ex(context, sha256, nullptr) == 1);
  }
  void update(std::string_view data) {
    SLUICE_CHECK(EVP_DigestUpdate(context, data.data(), data.size()) == 1);
  }
  Digest finish() {
    Digest digest;
    SLUICE_CHECK(EVP_DigestFinal_ex(context, digest.bytes.data(), nullptr) == 1);
    return digest;
  }
};

Hasher::Hasher() : impl_(std::make_unique<Impl>()) { impl_->begin(); }
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::string_view data) { impl_->update(data); }

Digest Hasher::finish() { return impl_->finish(); }

Digest Digest::of(std::string_view data) {
  // Creating a context costs more than hashing a small value too; each thread keeps one.
  thread_local Hasher::Impl hasher;
  hasher.begin();
  hasher.update(data);
  return hasher.finish();
}

}  // namespace sluice

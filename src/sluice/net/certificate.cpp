#include "sluice/net/certificate.hpp"

#include <array>
#include <string>

#include <boost/asio/ssl/error.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "sluice/base/log.hpp"
#include "sluice/base/words.hpp"
#include "sluice/net/tls_library.hpp"

namespace sluice::net {
namespace {

namespace ssl = boost::asio::ssl;

/// Protocols over TLS in the order of preference, each after its length (RFC 7301). HTTP/2 will stand first.
constexpr auto protocols = std::to_array<unsigned char>({8, 'h', 't', 't', 'p', '/', '1', '.', '1'});

/// A client that offers only protocols that are not spoken here is told so; one that offers none speaks
/// HTTP/1.1.
int choose_protocol(SSL* /*connection*/, const unsigned char** out, unsigned char* length,
                    const unsigned char* offered, unsigned int offered_length, void* /*unused*/) {
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, length, protocols.data(), protocols.size(), offered, offered_length);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::int64_t changed_at(const std::filesystem::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return 0;
  return status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec;
}

Result<Certificate::Context> make_context(const std::filesystem::path& chain,
                                          const std::filesystem::path& key) {
  const auto unusable = [](const std::filesystem::path& file, std::string_view what,
                           const boost::system::error_code& error) {
    return Fail(user_error(Code::invalid_argument,
                           file.string() + ": " + std::string(what) + " (" + describe_tls(error) + ")"));
  };
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_alpn_select_cb(context->native_handle(), choose_protocol, nullptr);
  // A closed connection need not be told from one that was cut: HTTP knows where a response ends.
  SSL_CTX_set_options(context->native_handle(), SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
  boost::system::error_code error;
  if (context->use_certificate_chain_file(chain.string(), error); error)
    return unusable(chain, "cannot be read as a certificate in PEM form", error);
  // A key with a password would wait for somebody to type it.
  context->set_password_callback([](auto...) { return std::string(); }, error);
  if (context->use_private_key_file(key.string(), ssl::context::pem, error); error)
    return unusable(key,
                    ERR_GET_REASON(static_cast<unsigned long>(error.value())) == X509_R_KEY_VALUES_MISMATCH
                        ? "is not the key of the certificate"
                        : "cannot be read as a private key in PEM form without a password",
                    error);
  return context;
}

}  // namespace

Result<std::unique_ptr<Certificate>> Certificate::load(std::filesystem::path chain,
                                                       std::filesystem::path key) {
  std::unique_ptr<Certificate> made(new Certificate);
  made->chain_ = std::move(chain);
  made->key_ = std::move(key);
  made->read_at_ = made->changed();
  SLUICE_TRY(context, make_context(made->chain_, made->key_));
  made->context_ = std::move(context);
  return made;
}

Certificate::Times Certificate::changed() const { return {changed_at(chain_), changed_at(key_)}; }

Certificate::Context Certificate::current() {
  const auto now = changed();
  if (now == read_at_) return context_;
  read_at_ = now;
  auto context = make_context(chain_, key_);
  if (context)
    context_ = std::move(*context);
  else
    log::warning("the certificate has changed and cannot be used; connections get the one before: " +
                 context.error().message);
  return context_;
}

Result<std::unique_ptr<ssl::context>> verifying_context(const std::filesystem::path& ca) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_alpn_protos(context->native_handle(), protocols.data(), protocols.size());
  boost::system::error_code error;
  if (ca.empty())
    context->set_default_verify_paths(error);
  else
    context->load_verify_file(ca.string(), error);
  if (error)
    return Fail(user_error(Code::invalid_argument, (ca.empty() ? "the system's certificates" : ca.string()) +
                                                       ": cannot be read as certificates in PEM form (" +
                                                       describe_tls(error) + ")"));
  context->set_verify_mode(ssl::verify_peer, error);
  return context;
}

std::string tls_library_version() { return OpenSSL_version(OPENSSL_VERSION_STRING); }

std::string describe_tls(const boost::system::error_code& error) {
  if (error.category() == boost::asio::error::get_ssl_category())
    if (const auto* reason = ERR_reason_error_string(static_cast<unsigned long>(error.value())))
      return lower_ascii(reason);
  return lower_ascii(error.message());
}

}  // namespace sluice::net

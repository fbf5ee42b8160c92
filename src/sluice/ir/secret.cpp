#include "sluice/ir/secret.hpp"

#include <algorithm>
#include <array>

namespace sluice::ir {

std::optional<NamedSecret> secret_in(const Value& variable) {
  const auto* fields = variable.if_struct();
  if (fields == nullptr) return std::nullopt;
  const auto* name = fields->find("secret");
  const auto* text = name != nullptr ? name->if_string() : nullptr;
  const auto* optional = fields->find("optional");
  const auto* flag = optional != nullptr ? optional->if_boolean() : nullptr;
  if (text == nullptr || fields->size() != (flag != nullptr ? 2U : 1U)) return std::nullopt;
  return NamedSecret{.name = *text, .optional = flag != nullptr && *flag};
}

bool is_secret_word(std::string_view text) {
  constexpr std::size_t bytes_max = 100;
  return !text.empty() && text.size() <= bytes_max && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

bool is_secret_name(std::string_view text) {
  const auto dot = text.find('.');
  return dot != std::string_view::npos && is_secret_word(text.substr(0, dot)) &&
         is_secret_word(text.substr(dot + 1));
}

bool may_be_secret_of_container(std::string_view variable) {
  constexpr std::array settings{"PATH",
                                "HOME",
                                "TMPDIR",
                                "GODEBUG",
                                "GOTRACEBACK",
                                "GOMAXPROCS",
                                "GOGC",
                                "GOMEMLIMIT",
                                "LISTEN_FDS",
                                "LISTEN_PID",
                                "NOTIFY_SOCKET",
                                "REGISTRY_AUTH_FILE",
                                "DOCKER_HOST",
                                "DOCKER_CONTEXT",
                                "DOCKER_CONFIG",
                                "DOCKER_TLS_VERIFY",
                                "DOCKER_CERT_PATH",
                                "DOCKER_API_VERSION",
                                "DOCKER_AUTH_CONFIG"};
  constexpr std::array prefixes{"LD_",     "XDG_",         "CONTAINERS_", "CONTAINER_",
                                "PODMAN_", "_CONTAINERS_", "DBUS_",       "SSL_CERT_"};
  const bool is_identifier =
      !variable.empty() && (variable.front() < '0' || variable.front() > '9') &&
      std::ranges::all_of(variable, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
      });
  return is_identifier && std::ranges::find(settings, variable) == settings.end() &&
         std::ranges::none_of(prefixes,
                              [&](std::string_view prefix) { return variable.starts_with(prefix); }) &&
         !variable.ends_with("_PROXY") && !variable.ends_with("_proxy");
}

}  // namespace sluice::ir

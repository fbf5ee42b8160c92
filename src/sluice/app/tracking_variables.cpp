#include "sluice/app/tracking_variables.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice::app {

std::vector<std::string> tracking_variables(const ports::Attempt& attempt, const ServedAt& server,
                                            const access::TaskTokens& tokens) {
  // What the plan names is asked with what the plan gives: our token is for nobody else.
  constexpr auto of_another_server = std::to_array<std::string_view>(
      {"MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"});
  const bool is_elsewhere = std::ranges::any_of(
      of_another_server, [&](auto name) { return attempt.work.env.find(name) != nullptr; });
  const auto& url =
      attempt.work.kind == engine::TaskSpec::Kind::container ? server.from_elsewhere : server.url;
  const bool is_loopback =
      url.find("://127.0.0.1:") != std::string::npos || url.find("://[::1]:") != std::string::npos;
  if (url.empty() || is_elsewhere) return {};
  const auto token = tokens.token_of(
      {.run = attempt.run, .path = attempt.path, .attempt = attempt.number, .fence = attempt.fence},
      attempt.principal);
  if (token.size() > access::TaskTokens::bytes_max) return {};
  std::vector<std::string> variables{"MLFLOW_TRACKING_URI=" + url, "MLFLOW_RUN_ID=" + attempt.fence.text,
                                     "MLFLOW_TRACKING_TOKEN=" + token};
  // Over loopback, nobody else can answer at this server's port; its certificate is for other names.
  if (is_loopback && url.starts_with("https:")) variables.emplace_back("MLFLOW_TRACKING_INSECURE_TLS=true");
  return variables;
}

}  // namespace sluice::app

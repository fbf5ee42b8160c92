#pragma once
// The rules of names in the model registry, as MLflow's server has them, with its messages.
#include <optional>
#include <string>
#include <string_view>

#include "sluice/base/result.hpp"
#include "sluice/ports/tracking.hpp"

namespace sluice::models {

inline constexpr std::string_view prompt_tag = "mlflow.prompt.is_prompt";

/// `parameter`: what it is called in a request.
Result<void> check_model_name(const std::string& name, std::string_view parameter = "name");
Result<void> check_alias(const std::string& alias);
/// `latest`, and what looks like a version, cannot be given as an alias.
Result<void> check_alias_is_free(const std::string& alias);
Result<void> check_model_tag(const ports::KeyValue& tag);
Result<void> check_version_tag(const ports::KeyValue& tag);
Result<std::int64_t> version_number(const std::string& text);
/// As MLflow writes it, in letters of any case: None, Staging, Production, Archived.
Result<std::string> checked_stage(const std::string& stage);
/// Whether tags make it a prompt: of a tag that is there twice, the last one counts.
bool is_prompt(const std::vector<ports::KeyValue>& tags);

/// What `models:/…` names.
struct ModelAddress {
  std::string logged_model;  ///< its id; the others are empty then
  std::string name;
  std::optional<std::int64_t> version;
  std::string stage;
  std::string alias;  ///< none of these three: the newest version
};
/// nullopt: it is no such address, or one of another server.
std::optional<ModelAddress> parse_model_address(std::string_view address);

}  // namespace sluice::models

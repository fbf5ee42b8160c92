#include "sluice/domain/access/access.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/words.hpp"

namespace sluice::access {
namespace {

constexpr std::string_view operator_name = "operator";
constexpr Milliseconds lifetime_max = std::chrono::days(3660);

std::optional<std::string> name_problem(const std::string& name) {
  constexpr std::size_t name_max = 63;
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '@';
  };
  if (!name.empty() && name.size() <= name_max && std::ranges::all_of(name, is_plain) &&
      name.front() != '-' && name != operator_name && name != "owner")
    return std::nullopt;
  return fmt::format(
      "`{}` is not a valid name of a token; use 1 to {} of letters, digits and `-_.@`, not beginning with "
      "`-`; "
      "`owner` and `{}` are taken",
      name, name_max, operator_name);
}

/// 256 random bits, after a prefix by which people and scanners recognize a secret of Sluice.
std::string new_secret(Random& random) {
  std::string out = "sluice_";
  for (int i = 0; i < 4; ++i) out += fmt::format("{:016x}", random.next());
  return out;
}

}  // namespace

Result<std::unique_ptr<Access>> Access::open(Ports ports, const std::optional<std::string>& operator_token) {
  SLUICE_TRY(stored, ports.tokens.tokens());
  std::unique_ptr<Access> access(new Access(std::move(ports)));
  if (operator_token) access->operator_secret_ = Digest::of(*operator_token);
  for (auto& token : stored) {
    access->names_.emplace(token.secret, token.name);
    auto name = token.name;
    access->by_name_.emplace(std::move(name), std::move(token));
  }
  return access;
}

Result<std::string> Access::add(const NewToken& token, const Principal& by) {
  if (auto problem = name_problem(token.name))
    return Fail(user_error(Code::invalid_argument, std::move(*problem)));
  if (token.lifetime && (*token.lifetime <= Milliseconds(0) || *token.lifetime > lifetime_max))
    return Fail(user_error(Code::invalid_argument,
                           "a token expires after a millisecond at least and ten years at most"));
  const std::lock_guard lock(changing_);
  {
    const std::lock_guard reading(mutex_);
    if (by_name_.size() >= tokens_max)
      return Fail(user_error(
          Code::exhausted,
          fmt::format(
              "there are {} tokens, the most there may be; revoke what is not used: `sluice token list`",
              tokens_max)));
  }
  auto secret = new_secret(ports_.random);
  const auto now = ports_.clock.now();
  ports::Token added{.name = token.name,
                     .workspace = by.workspace,
                     .role = token.role,
                     .secret = Digest::of(secret),
                     .by = by.name,
                     .created = now,
                     .expires = std::nullopt};
  if (token.lifetime) added.expires = now + *token.lifetime;
  SLUICE_DO(ports_.tokens.add_token(added));
  const std::lock_guard writing(mutex_);
  names_.emplace(added.secret, added.name);
  by_name_.insert_or_assign(added.name, std::move(added));
  return secret;
}

Result<void> Access::revoke(const std::string& name) {
  const std::lock_guard lock(changing_);
  SLUICE_TRY(removed, ports_.tokens.remove_token(name));
  const std::lock_guard writing(mutex_);
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    names_.erase(found->second.secret);
    by_name_.erase(found);
  }
  if (removed) return {};
  std::vector<std::string> names;
  names.reserve(by_name_.size());
  for (const auto& [known, token] : by_name_) names.push_back(known);
  return Fail(
      user_error(Code::not_found, fmt::format("there is no token `{}`{}; `sluice token list` names them",
                                              name, did_you_mean(name, names))));
}

std::vector<ports::Token> Access::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<ports::Token> out;
  out.reserve(by_name_.size());
  for (const auto& [name, token] : by_name_) out.push_back(token);
  return out;
}

/// A look-up by digest: the time that it takes says nothing about a secret.
std::optional<ports::Caller> Access::caller_of(std::string_view token) const {
  if (ports_.tasks != nullptr && token.starts_with(TaskTokens::prefix)) return ports_.tasks->caller_of(token);
  const auto secret = Digest::of(token);
  if (operator_secret_ == secret)
    return ports::Caller{.principal = {.name = std::string(operator_name)}, .role = ports::Role::admin};
  const std::lock_guard lock(mutex_);
  const auto name = names_.find(secret);
  if (name == names_.end()) return std::nullopt;
  const auto& found = by_name_.at(name->second);
  if (has_expired(found)) return std::nullopt;
  return ports::Caller{.principal = {.workspace = found.workspace, .name = found.name}, .role = found.role};
}

std::optional<Error> Access::refusal_of(const ports::Caller& caller) const {
  if (!caller.task || ports_.goes_on(caller.principal.workspace, caller.task->run)) return std::nullopt;
  return user_error(Code::permission_denied,
                    fmt::format("the run {} of the task `{}` has ended, and its token with it",
                                caller.task->run.text, caller.task->path));
}

bool Access::any() const {
  if (operator_secret_) return true;
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(by_name_, [this](const auto& entry) { return !has_expired(entry.second); });
}

bool Access::has_expired(const ports::Token& token) const {
  return token.expires && *token.expires <= ports_.clock.now();
}

}  // namespace sluice::access

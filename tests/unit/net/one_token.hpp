#pragma once
#include <string>

#include "sluice/ports/access.hpp"

namespace sluice::net {

/// One caller, "ann".
class OneToken final : public ports::Callers {
 public:
  OneToken(std::string token, ports::Role role) : token_(std::move(token)), role_(role) {}
  [[nodiscard]] std::optional<ports::Caller> caller_of(std::string_view token) const override {
    if (token != token_) return std::nullopt;
    return ports::Caller{.principal = {.name = "ann"}, .role = role_};
  }
  [[nodiscard]] bool any() const override { return true; }

 private:
  std::string token_;
  ports::Role role_;
};

class NoToken final : public ports::Callers {
 public:
  [[nodiscard]] std::optional<ports::Caller> caller_of(std::string_view) const override {
    return std::nullopt;
  }
  [[nodiscard]] bool any() const override { return false; }
};

}  // namespace sluice::net

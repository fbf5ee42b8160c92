#pragma once
// The names of container images, by the grammar of https://pkg.go.dev/github.com/distribution/reference:
//   reference := name [":" tag] ["@" digest]
//   name      := [domain "/"] component ("/" component)*
//   domain    := (host | IPv4 | "[" IPv6 "]") [":" port]
//   component := [a-z0-9]+ (("." | "_" | "__" | "-"+) [a-z0-9]+)*
//   tag       := [A-Za-z0-9_] [A-Za-z0-9_.-]{0,127}
//   digest    := here: "sha256:" and 64 hexadecimal digits, in lower case
#include <optional>
#include <string>
#include <string_view>

namespace sluice::ir {

/// Why this cannot be the image of a container; nullopt: it can be. What it returns nullopt for begins with a
/// letter or digit, or with `[`: it is never an option of a command.
std::optional<std::string> image_problem(std::string_view reference);

/// The name in a reference that has no problem: without tag and digest.
std::string_view image_name(std::string_view reference);

}  // namespace sluice::ir

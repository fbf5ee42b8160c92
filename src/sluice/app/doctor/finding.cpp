#include "sluice/app/doctor/finding.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace sluice::app {

Finding works(std::string name, std::string found) {
  return {
      .name = std::move(name), .found = std::move(found), .follows = {}, .health = Finding::Health::works};
}
Finding limited(std::string name, std::string found, std::string follows) {
  return {.name = std::move(name),
          .found = std::move(found),
          .follows = std::move(follows),
          .health = Finding::Health::limited};
}
Finding fails(std::string name, std::string found, std::string follows) {
  return {.name = std::move(name),
          .found = std::move(found),
          .follows = std::move(follows),
          .health = Finding::Health::fails};
}

std::string_view name(Finding::Health health) {
  switch (health) {
    case Finding::Health::works: return "works";
    case Finding::Health::limited: return "limited";
    case Finding::Health::fails: return "fails";
  }
  return "?";
}

bool can_run(const std::vector<Finding>& findings) {
  return std::ranges::none_of(findings, [](const auto& f) { return f.health == Finding::Health::fails; });
}

Value to_json(const std::vector<Finding>& findings) {
  List list;
  for (const auto& finding : findings) {
    Struct s;
    s.set("name", finding.name);
    s.set("health", name(finding.health));
    s.set("found", finding.found);
    if (!finding.follows.empty()) s.set("follows", finding.follows);
    list.emplace_back(std::move(s));
  }
  Struct out;
  out.set("runs", can_run(findings));
  out.set("findings", std::move(list));
  return out;
}

std::string print(const std::vector<Finding>& findings) {
  std::size_t names = 0;
  for (const auto& finding : findings) names = std::max(names, finding.name.size());
  std::string out;
  std::string failing;
  std::size_t limits = 0;
  for (const auto& finding : findings) {
    out += fmt::format("{:<{}}  {:<7}  {}\n", finding.name, names, name(finding.health), finding.found);
    if (!finding.follows.empty()) out += fmt::format("{:<{}}  {}\n", "", names + 9, finding.follows);
    limits += finding.health == Finding::Health::limited ? 1 : 0;
    if (finding.health == Finding::Health::fails) failing += (failing.empty() ? "" : ", ") + finding.name;
  }
  if (!failing.empty()) return out + fmt::format("Sluice cannot run on this machine: see {}\n", failing);
  return out + (limits == 0 ? "Sluice runs on this machine\n"
                            : fmt::format("Sluice runs on this machine, with {} limit{}\n", limits,
                                          limits == 1 ? "" : "s"));
}

}  // namespace sluice::app

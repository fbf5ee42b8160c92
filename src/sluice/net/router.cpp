#include "sluice/net/router.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sluice/base/json.hpp"

namespace sluice::net {

struct Router::Node {
  std::map<std::string, std::unique_ptr<Node>, std::less<>> literal;
  std::unique_ptr<Node> any;
  std::unique_ptr<Node> rest;  ///< of all segments that follow
  std::vector<const ports::Route*> routes;
  const ports::Protocol* protocol = nullptr;  ///< the first with a route through this node

  struct Walk {
    std::string_view method;
    const std::vector<std::string>& segments;
    Match match;
  };

  void find(Walk& walk, std::size_t depth) const {
    if (depth == walk.segments.size()) {
      for (const auto* route : routes) {
        walk.match.allowed.push_back(route->method);
        if (route->method == walk.method) walk.match.route = route;
      }
      return;
    }
    if (const auto next = literal.find(walk.segments[depth]); next != literal.end())
      next->second->find(walk, depth + 1);
    if (!walk.match.route && any && !walk.segments[depth].empty()) {
      walk.match.params.push_back(walk.segments[depth]);
      any->find(walk, depth + 1);
      if (!walk.match.route) walk.match.params.pop_back();
    }
    if (walk.match.route || !rest) return;
    const auto from = walk.segments.begin() + static_cast<std::ptrdiff_t>(depth);
    walk.match.params.push_back(fmt::format("{}", fmt::join(from, walk.segments.end(), "/")));
    rest->find(walk, walk.segments.size());
    if (!walk.match.route) walk.match.params.pop_back();
  }

  /// Finds the protocol of the deepest node on the path.
  void deepest(const std::vector<std::string>& segments, std::size_t depth, std::size_t& best,
               const ports::Protocol*& nearest) const {
    if (protocol && depth > best) {
      best = depth;
      nearest = protocol;
    }
    if (depth == segments.size()) return;
    if (const auto next = literal.find(segments[depth]); next != literal.end())
      next->second->deepest(segments, depth + 1, best, nearest);
    if (any && !segments[depth].empty()) any->deepest(segments, depth + 1, best, nearest);
    if (rest) rest->deepest(segments, segments.size(), best, nearest);
  }
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

Result<Router> Router::make(std::vector<ports::Protocol> protocols) {
  Router router;
  for (auto& given : protocols) {
    const auto& protocol =
        *router.protocols_.emplace_back(std::make_unique<ports::Protocol>(std::move(given)));
    for (const auto& route : protocol.routes) {
      const std::string named =
          "route `" + route.method + " " + route.pattern + "` of protocol `" + protocol.name + "`";
      const auto invalid = [&](std::string_view why) {
        return Fail(internal_error(Code::internal, named + " " + std::string(why)));
      };
      if (!route.pattern.starts_with('/') || !route.handler)
        return invalid("does not begin with `/`, or has no handler");
      Node* node = router.root_.get();
      std::string_view rest = std::string_view(route.pattern).substr(1);
      while (!rest.empty()) {
        const auto end = std::min(rest.find('/'), rest.size());
        const std::string segment(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (segment == "{*}" && !rest.empty()) return invalid("has something after `{*}`");
        auto& next = segment == "{}" ? node->any : segment == "{*}" ? node->rest : node->literal[segment];
        if (!next) next = std::make_unique<Node>();
        node = next.get();
        if (!node->protocol) node->protocol = &protocol;
      }
      for (const auto* other : node->routes)
        if (other->method == route.method) return invalid("is defined twice");
      node->routes.push_back(&route);
    }
  }
  return router;
}

Router::Match Router::find(std::string_view method, const std::vector<std::string>& segments) const {
  const auto walked = [&](std::string_view wanted) {
    Node::Walk walk{.method = wanted, .segments = segments, .match = {}};
    root_->find(walk, 0);
    return std::move(walk.match);
  };
  Match match = walked(method);
  if (!match.route && method == "HEAD") match = walked("GET");
  auto& allowed = match.allowed;
  std::ranges::sort(allowed);
  const auto duplicates = std::ranges::unique(allowed);
  allowed.erase(duplicates.begin(), duplicates.end());
  return match;
}

ports::Response Router::error(const std::vector<std::string>& segments, const Error& error) const {
  std::size_t best = 0;
  const ports::Protocol* nearest = nullptr;
  root_->deepest(segments, 0, best, nearest);
  if (nearest && nearest->error) return nearest->error(error);
  Struct body;
  body.set("error", error.message);
  return {.status = http_status(error.code), .body = to_json(std::move(body))};
}

}  // namespace sluice::net

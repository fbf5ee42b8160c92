#include "sluice/ports/access.hpp"

#include <fmt/format.h>

#include "sluice/app/commands/page.hpp"
#include "sluice/ir/duration.hpp"

// The commands about others than the owner: token, audit.

namespace sluice::app {
namespace {

struct TokenOptions {
  SessionOptions common;
  std::string action;
  std::string name;
  std::string role;
  std::string expires;
};

Result<Exit> add(Session& session, const TokenOptions& options) {
  if (options.role.empty())
    return Fail(user_error(Code::invalid_argument,
                           "give the token a role: `--role read` looks and asks endpoints, `--role run` also "
                           "submits and deploys, `--role admin` also manages tokens"));
  Struct body;
  body.set("name", options.name);
  body.set("role", options.role);
  if (!options.expires.empty()) {
    const auto lifetime = ir::parse_duration(options.expires);
    if (!lifetime || *lifetime < std::chrono::seconds(1))
      return Fail(
          user_error(Code::invalid_argument,
                     fmt::format("--expires `{}`: write a duration of a second or more, such as 12h or "
                                 "30d",
                                 options.expires)));
    body.set("expires_in_seconds", std::chrono::duration_cast<std::chrono::seconds>(*lifetime).count());
  }
  SLUICE_TRY(added, call(*session.backend, "POST", "/v1/tokens", body));
  if (options.common.json) {
    print_json(added);
  } else {
    print_text(stdout, "{}\n", added.text_at("token"));
    print_text(stderr,
               "this is the only time that the token is shown; send it as `Authorization: Bearer TOKEN`\n");
  }
  return Exit::ok;
}

Result<Exit> list(Session& session, const TokenOptions& options) {
  SLUICE_TRY(found, call(*session.backend, "GET", "/v1/tokens"));
  if (options.common.json) {
    print_json(found);
    return Exit::ok;
  }
  for (const auto& token : list_at(found, "tokens"))
    print_text(stdout, "{:<24} {:<6} added {} by {}{}\n", token.text_at("name"), token.text_at("role"),
               token.text_at("added"), token.text_at("by"),
               token.find("expires") == nullptr ? ""
               : token.boolean_at("expired")    ? ", expired " + token.text_at("expires")
                                                : ", expires " + token.text_at("expires"));
  return Exit::ok;
}

Result<Exit> revoke(Session& session, const TokenOptions& options) {
  SLUICE_TRY(done, call(*session.backend, "DELETE", "/v1/tokens/" + percent_encode(options.name)));
  if (options.common.json) print_json(done);
  return Exit::ok;
}

Result<Exit> token(Session& session, const TokenOptions& options) {
  const bool needs_name = options.action != "list";
  if (needs_name == options.name.empty())
    return Fail(user_error(Code::invalid_argument,
                           needs_name
                               ? fmt::format("`sluice token {}` needs the name of a token", options.action)
                               : "`sluice token list` takes no name"));
  if (options.action != "add" && !(options.role.empty() && options.expires.empty()))
    return Fail(user_error(Code::invalid_argument, "--role and --expires are for `sluice token add`"));
  if (options.action == "add") return add(session, options);
  return needs_name ? revoke(session, options) : list(session, options);
}

}  // namespace

void add_token(CommandLine& program) {
  auto options = std::make_shared<TokenOptions>();
  auto& command = program.add("token", "let others use your server: add, list and revoke tokens");
  add_session(command, options->common, "sluice token add ci --role run --expires 30d");
  command.argument("ACTION", options->action, "", {.one_of = {"add", "list", "revoke"}});
  command.argument("NAME", options->name, "whose token it is", {.may_be_absent = true});
  command.option("--role", options->role, "what the token may do",
                 {.one_of = {ports::role_names.begin(), ports::role_names.end()}});
  command.option("--expires", options->expires, "when it ends, from now; default: when it is revoked",
                 {.name = "DURATION"});
  command.when_called([options] {
    return with_session(options->common, "token", [&](Session& session) { return token(session, *options); });
  });
}

void add_audit(CommandLine& program) {
  auto options = std::make_shared<PageOptions>();
  auto& command = program.add("audit", "list what was changed, by whom, newest first");
  add_page(command, *options, "sluice audit --limit 20", "changes", "NUMBER");
  command.when_called([options] {
    return with_session(options->common, "audit", [&](Session& session) -> Result<Exit> {
      SLUICE_TRY(response, call(*session.backend, "GET", "/v1/audit" + options->query()));
      return print_page(session, *options, response, "changes", "sluice audit", [](const Value& change) {
        print_text(stdout, "{}  {:<16} {:<18} {}\n", change.text_at("at"), change.text_at("by"),
                   change.text_at("what"), change.text_at("subject"));
      });
    });
  });
}

}  // namespace sluice::app

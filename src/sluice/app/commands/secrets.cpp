#include "sluice/ports/secrets.hpp"

#include <iostream>
#include <iterator>

#include <fmt/format.h>

#include "sluice/app/commands/command.hpp"
#include "sluice/app/commands/print_text.hpp"
#include "sluice/base/words.hpp"
#include "sluice/ir/secret.hpp"

namespace sluice::app {
namespace {

struct SecretOptions {
  SessionOptions common;
  std::string action;
  std::string name;
  std::string key;
};

/// Standard input, without one line end at its end: `echo` adds one.
std::string read_value() {
  std::string value;
  for (std::istreambuf_iterator<char> in(std::cin), end;
       in != end && value.size() <= ports::Secrets::value_bytes_max + 1; ++in)
    value += *in;
  if (value.ends_with('\n')) value.pop_back();
  return value;
}

Result<Exit> list(Session& session, const SecretOptions& options) {
  SLUICE_TRY(found, call(*session.backend, "GET", "/v1/secrets"));
  if (options.common.json) {
    print_json(found);
    return Exit::ok;
  }
  for (const auto& secret : list_at(found, "secrets"))
    print_text(stdout, "{:<32} set {} by {}\n", secret.text_at("secret"), secret.text_at("set"),
               secret.text_at("by"));
  return Exit::ok;
}

Result<Exit> secrets(Session& session, const SecretOptions& options) {
  if (options.action == "list") {
    if (!options.name.empty())
      return Fail(user_error(Code::invalid_argument, "`sluice secrets list` takes no name"));
    return list(session, options);
  }
  if (!ir::is_secret_word(options.name) || !ir::is_secret_word(options.key))
    return Fail(user_error(
        Code::invalid_argument,
        fmt::format(
            "`sluice secrets {}` needs a NAME and a KEY, of letters, digits, `_` and `-`; a plan writes "
            "{{secret: NAME.KEY}}",
            options.action)));
  const auto path = "/v1/secrets/" + options.name + "/" + options.key;
  const bool sets = options.action == "set";
  Struct body;
  if (sets) {
    auto value = read_value();
    if (!is_utf8(value))
      return Fail(
          user_error(Code::invalid_argument, "the value is not a text in UTF-8, as a variable of a task is"));
    body.set("value", std::move(value));
  }
  SLUICE_TRY(done,
             call(*session.backend, sets ? "PUT" : "DELETE", path, sets ? Value(std::move(body)) : Value()));
  if (options.common.json) print_json(done);
  return Exit::ok;
}

}  // namespace

void add_secrets(CommandLine& program) {
  auto options = std::make_shared<SecretOptions>();
  auto& command =
      program.add("secrets", "keep what tasks need and nobody is shown: set, list and remove secrets");
  add_session(command, options->common, "sluice secrets set hub token < token.txt");
  command.argument("ACTION", options->action, "set: from standard input", {.one_of = {"set", "list", "rm"}});
  command.argument("NAME", options->name, "of the secret", {.may_be_absent = true});
  command.argument("KEY", options->key, "which of its values", {.may_be_absent = true});
  command.when_called([options] {
    return with_session(options->common, "secrets",
                        [&](Session& session) { return secrets(session, *options); });
  });
}

}  // namespace sluice::app

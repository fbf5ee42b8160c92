#include <fcntl.h>

#include "sluice/app/commands/dataset_files.hpp"
#include "sluice/app/commands/page.hpp"
#include "sluice/base/json.hpp"
#include "sluice/domain/datasets/datasets.hpp"
#include "sluice/os/files.hpp"

// The command of data sets: data.

namespace sluice::app {
namespace {

struct DataOptions : PageOptions {
  std::string action;
  std::string name;
  std::string given;
};

std::string text_of(const Value& version) {
  return fmt::format("{}@{}", version.text_at("dataset"), version.integer_at("version"));
}

std::string joined(const Value& list) {
  std::string out;
  if (const auto* labels = list.if_list())
    for (const auto& label : *labels)
      if (const auto* text = label.if_string()) out += (out.empty() ? "" : ";") + *text;
  return out;
}

void print_version(const Value& version) {
  print_text(stdout, "{:<32} {:>7} {} with {} label{}  {}\n", text_of(version),
             version.integer_at("examples"), version.text_at("kind"), version.integer_at("labels"),
             version.integer_at("labels") == 1 ? "" : "s", version.text_at("created"));
}

Result<datasets::Reference> reference_of(const std::string& text) {
  if (auto reference = datasets::parse_reference(text)) return std::move(*reference);
  return Fail(user_error(Code::invalid_argument,
                         fmt::format("`{}` is not a data set such as `stamps` or `stamps@2`", text)));
}

std::string path_of(const datasets::Reference& reference) {
  return fmt::format("/v1/datasets/{}/versions/{}", percent_encode(reference.name),
                     reference.number ? std::to_string(*reference.number) : "latest");
}

Result<Exit> add(Session& session, const DataOptions& options) {
  SLUICE_TRY(sender, ArtifactSender::make(session));
  SLUICE_TRY(content, send_dataset(sender, options.given));
  Struct body;
  body.set("content", to_tagged(Value(content)));
  SLUICE_TRY(added, call(*session.backend, "POST",
                         "/v1/datasets/" + percent_encode(options.name) + "/versions", body));
  if (options.common.json) {
    print_json(added);
    return Exit::ok;
  }
  if (!added.boolean_at("new")) print_text(stdout, "nothing has changed since\n");
  print_version(added);
  return Exit::ok;
}

Result<Exit> list(Session& session, const DataOptions& options) {
  if (options.name.empty()) {
    SLUICE_TRY(response, call(*session.backend, "GET", "/v1/datasets" + options.query()));
    return print_page(session, options, response, "datasets", "sluice data", print_version);
  }
  // "v3", as the end of a page says.
  const auto number = options.after.starts_with('v') ? options.after.substr(1) : options.after;
  const auto after = number.empty() ? "" : "&after=" + percent_encode(number);
  SLUICE_TRY(response, call(*session.backend, "GET",
                            fmt::format("/v1/datasets/{}?limit={}{}", percent_encode(options.name),
                                        options.limit, after)));
  return print_page(session, options, response, "versions", "sluice data list " + shell_word(options.name),
                    print_version);
}

Result<Exit> show(Session& session, const DataOptions& options) {
  SLUICE_TRY(reference, reference_of(options.name));
  SLUICE_TRY(version, call(*session.backend, "GET", path_of(reference)));
  if (options.common.json) {
    print_json(version);
    return Exit::ok;
  }
  print_text(stdout,
             "data set  {}\nkind      {}\nexamples  {}\nsize      {} bytes\ndigest    {}\ncreated   {} by "
             "{}\nlabels\n",
             text_of(version), version.text_at("kind"), version.integer_at("examples"),
             version.integer_at("size"), version.text_at("digest"), version.text_at("created"),
             version.text_at("by"));
  if (const auto* counts = version.find("examples_of"); counts && counts->if_struct())
    for (const auto& [label, count] : *counts->if_struct())
      print_text(stdout, "  {:<30} {}\n", label, to_json(count));
  return Exit::ok;
}

/// `stamps@1 stamps@2`, or `stamps@1`: with the newest.
Result<Exit> compare(Session& session, const DataOptions& options) {
  SLUICE_TRY(earlier, reference_of(options.name));
  SLUICE_TRY(later, options.given.empty()
                        ? Result<datasets::Reference>(datasets::Reference{.name = earlier.name})
                        : reference_of(options.given));
  const auto number = [](const datasets::Reference& reference) {
    return reference.number ? std::to_string(*reference.number) : "latest";
  };
  const auto query =
      fmt::format("/v1/datasets/{}/diff?from={}&to={}&with={}&limit={}{}", percent_encode(earlier.name),
                  number(earlier), number(later), percent_encode(later.name), options.limit,
                  options.after.empty() ? "" : "&after=" + percent_encode(options.after));
  SLUICE_TRY(found, call(*session.backend, "GET", query));
  if (options.common.json) {
    print_json(found);
    return Exit::ok;
  }
  for (const auto& change : list_at(found, "changes")) {
    const auto* earlier_labels = change.find("earlier");
    const auto* labels = change.find("labels");
    print_text(stdout, "{:<10}  {}  {}{}\n", change.text_at("change"), change.text_at("path"),
               earlier_labels ? joined(*earlier_labels) + " -> " : "", labels ? joined(*labels) : "");
  }
  print_text(stdout, "{} added, {} removed, {} relabelled\n", found.integer_at("added"),
             found.integer_at("removed"), found.integer_at("relabelled"));
  if (found.find("next")) print_text(stderr, "more: `--after {}`\n", found.integer_at("next"));
  return Exit::ok;
}

Result<Exit> remove(Session& session, const DataOptions& options) {
  SLUICE_TRY(reference, reference_of(options.name));
  SLUICE_TRY(done, call(*session.backend, "DELETE", path_of(reference)));
  if (options.common.json) print_json(done);
  return Exit::ok;
}

/// Which models saw the file.
Result<Exit> seen(Session& session, const DataOptions& options) {
  SLUICE_TRY(file, os::open_file(options.name, O_RDONLY));
  Hasher hasher;
  SLUICE_DO(os::read_blocks(file.get(), options.name, [&](std::string_view bytes) {
    hasher.update(bytes);
    return Result<void>();
  }));
  SLUICE_TRY(response, call(*session.backend, "GET",
                            "/v1/examples/" + hasher.finish().hex() + "/models" + options.query()));
  return print_page(session, options, response, "models", "sluice data seen " + shell_word(options.name),
                    [](const Value& model) {
                      print_text(stdout, "{}@v{}  run {}, input {}{}\n", model.text_at("model"),
                                 model.integer_at("version"), model.text_at("run"), model.text_at("input"),
                                 model.find("path") ? ": " + model.text_at("path") : "");
                    });
}

Result<Exit> data(Session& session, const DataOptions& options) {
  const auto& action = options.action;
  if (action.empty() || action == "list") return list(session, options);
  if (options.name.empty())
    return Fail(user_error(Code::invalid_argument, fmt::format("`sluice data {}` needs a NAME", action)));
  if (action == "add") {
    if (options.given.empty())
      return Fail(user_error(Code::invalid_argument,
                             "`sluice data add` needs a NAME and a folder or a table (.csv)"));
    return add(session, options);
  }
  if (action == "diff") return compare(session, options);
  if (action == "show") return show(session, options);
  return action == "rm" ? remove(session, options) : seen(session, options);
}

}  // namespace

void add_data(CommandLine& program) {
  auto options = std::make_shared<DataOptions>();
  auto& command = program.add("data", "data sets: labeled pictures or texts, in versions");
  add_page(command, *options,
           "sluice data add leaves photographs/\n  sluice run plan.yaml --input pictures=leaves@2\n  sluice "
           "data diff leaves@1 leaves@2\n"
           "  sluice data seen photographs/oak/1.jpg",
           "data sets, versions or changes", "NAME");
  command.argument("ACTION", options->action, "default: list; seen: which models saw a file",
                   {.one_of = {"list", "add", "show", "diff", "rm", "seen"}, .may_be_absent = true});
  command.argument("NAME", options->name, "of the data set, or NAME@VERSION; of `seen`, a file",
                   {.may_be_absent = true});
  command.argument("GIVEN", options->given,
                   "of `add`: a folder, or a table (.csv); of `diff`: NAME@VERSION, default the newest",
                   {.may_be_absent = true});
  command.when_called([options] {
    return with_session(options->common, "data", [&](Session& session) { return data(session, *options); });
  });
}

}  // namespace sluice::app

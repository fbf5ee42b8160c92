#include "sluice/domain/runs/compile.hpp"

#include <algorithm>

#include "sluice/base/words.hpp"
#include "sluice/ir/secret.hpp"
#include "sluice/ir/verify.hpp"
#include "sluice/syntax/tree.hpp"

namespace sluice::runs {
namespace {

std::string names_of(const std::vector<ir::Pipeline>& pipelines) {
  constexpr std::size_t listed_max = 20;
  std::string list;
  for (std::size_t i = 0; i < std::min(pipelines.size(), listed_max); ++i)
    list += (list.empty() ? "`" : ", `") + pipelines[i].name + "`";
  if (pipelines.size() > listed_max)
    list += " and " + std::to_string(pipelines.size() - listed_max) + " more";
  return list;
}

/// Of the parts of processes that have the same name, the one that is first in the text; ordered by name.
template <typename Part, typename Name>
std::vector<Part> first_of_each(const ir::Plan& plan, std::optional<Part> ir::Process::* part,
                                const Name& name_of) {
  std::map<std::string, Part> found;
  ir::for_each_operation(plan, [&](const ir::Operation& operation) {
    const auto* process = std::get_if<ir::Process>(&operation.what);
    if (!process || !(process->*part)) return;
    const auto& one = *(process->*part);
    const auto [first, fresh] = found.try_emplace(name_of(one), one);
    const auto place_of = [](const Part& of) { return std::pair(of.at.line, of.at.column); };
    if (!fresh && place_of(one) < place_of(first->second)) first->second = one;
  });
  std::vector<Part> out;
  out.reserve(found.size());
  for (auto& [name, one] : found) out.push_back(std::move(one));
  return out;
}

}  // namespace

Result<std::shared_ptr<const ir::Plan>> compile(const std::string& text, const std::string& file,
                                                const Dialects& dialects, const CompileOptions& options) {
  if (auto problem = syntax::encoding_problem(text))
    return Fail(user_error(Code::invalid_argument, file + ": " + std::move(*problem)));
  const auto is_chosen = [&](const auto* f) {
    return options.dialect.empty() ? f->recognizes(text, file) : f->name() == options.dialect;
  };
  const auto frontend = std::ranges::find_if(dialects.frontends, is_chosen);
  if (frontend == dialects.frontends.end() && !options.dialect.empty()) {
    std::vector<std::string> names;
    names.reserve(dialects.frontends.size());
    for (const auto* known : dialects.frontends) names.emplace_back(known->name());
    return Fail(user_error(Code::invalid_argument, "there is no dialect `" + options.dialect + "`" +
                                                       did_you_mean(options.dialect, names)));
  }
  if (frontend == dialects.frontends.end())
    return Fail(user_error(Code::invalid_argument,
                           file + ": unrecognized pipeline format; a Sluice plan has the key `sluice: 1`, a "
                                  "pipeline that kfp compiled `pipelineInfo`"));
  SLUICE_TRY(lowered, (*frontend)->lower(text, file, options.lowering));
  auto problems = std::move(lowered.problems);
  for (auto& problem : ir::verify(lowered.plan, dialects.services)) problems.push_back(std::move(problem));
  if (!problems.empty()) {
    // So many problems are usually one mistake repeated; listing all could fill the screen or memory.
    constexpr std::size_t listed_max = 100;
    const auto omitted = problems.size() > listed_max ? problems.size() - listed_max : 0;
    if (omitted > 0) {
      std::ranges::nth_element(problems, problems.begin() + listed_max, {}, [](const auto& problem) {
        return std::pair(problem.at.line, problem.at.column);
      });
      problems.resize(listed_max);
    }
    auto lines = syntax::render(file, std::move(problems));
    lines.pop_back();  // the final newline
    if (omitted > 0) lines += "\n" + file + ": and " + std::to_string(omitted) + " more problems";
    return Fail(user_error(Code::invalid_argument, std::move(lines)));
  }
  lowered.plan.warnings = std::move(lowered.warnings);
  return std::make_shared<const ir::Plan>(std::move(lowered.plan));
}

std::vector<std::string> warnings_of(const ir::Plan& plan) {
  std::vector<std::string> lines;
  lines.reserve(plan.warnings.size());
  for (const auto& warning : plan.warnings)
    lines.push_back(syntax::place(plan.file, warning.at) + ": warning: " + warning.message);
  return lines;
}

std::map<std::string, std::vector<std::string>> code_folders(const ir::Plan& plan) {
  std::map<std::string, std::vector<std::string>> folders;
  ir::for_each_operation(plan, [&](const ir::Operation& operation) {
    const auto* process = std::get_if<ir::Process>(&operation.what);
    if (!process || !process->code) return;
    auto& arguments = folders[*process->code];
    if (process->function) {
      auto file = process->function->module;
      std::ranges::replace(file, '.', '/');
      arguments.push_back(file + ".py");
    }
    for (const auto* list : {&process->argv, &process->args})
      for (const auto& argument : *list)
        if (const auto* text = argument->literal.if_string();
            text && argument->kind == syntax::Expression::Kind::literal)
          arguments.push_back(*text);
  });
  return folders;
}

std::vector<SecretUse> secrets_of(const ir::Plan& plan) {
  std::vector<SecretUse> found;
  ir::for_each_operation(plan, [&](const ir::Operation& operation) {
    const auto* process = std::get_if<ir::Process>(&operation.what);
    if (process == nullptr) return;
    for (const auto& [variable, value] : process->env)
      if (auto secret = ir::secret_in(value->literal); secret && !secret->optional)
        found.push_back({.name = std::move(secret->name), .at = value->at});
  });
  return found;
}

std::vector<ir::Environment> environments_of(const ir::Plan& plan) {
  return first_of_each<ir::Environment>(plan, &ir::Process::environment,
                                        [](const auto& environment) { return ir::name_of(environment); });
}

std::vector<ir::Image> images_of(const ir::Plan& plan) {
  return first_of_each<ir::Image>(plan, &ir::Process::image,
                                  [](const auto& image) { return image.reference; });
}

Result<const ir::Pipeline*> find_pipeline(const ir::Plan& plan, const std::string& name) {
  if (const auto* found = name.empty() ? plan.entry() : plan.find(name)) return found;
  if (name.empty())
    return Fail(
        user_error(Code::invalid_argument,
                   syntax::place(plan.file, plan.pipelines.front().at) +
                       ": none of the plan's pipelines is called `main`; choose one with --pipeline: " +
                       names_of(plan.pipelines)));
  std::vector<std::string> names;
  names.reserve(plan.pipelines.size());
  for (const auto& pipeline : plan.pipelines) names.push_back(pipeline.name);
  auto hint = did_you_mean(name, names);
  if (hint.empty()) hint = "; it has " + names_of(plan.pipelines);
  return Fail(user_error(Code::not_found, plan.file + ": there is no pipeline `" + name + "`" + hint));
}

}  // namespace sluice::runs

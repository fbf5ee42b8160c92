#include "sluice/engine/state.hpp"

#include "sluice/base/numbers.hpp"
#include "sluice/base/words.hpp"

namespace sluice::engine {
namespace {

/// A parsed segment of a path: "NAME", "NAME[3]" or "NAME{0}". -1: no index.
struct Segment {
  std::string_view name;  ///< percent-encoded
  std::int64_t index = -1;
};

std::optional<Segment> segment_of(std::string_view text) {
  const auto bracket = text.find_first_of("[{");
  Segment segment{.name = text.substr(0, bracket)};
  if (bracket != std::string_view::npos) {
    const auto digits = text.substr(bracket + 1, text.size() - bracket - 2);
    segment.index = parse_integer<std::int64_t>(digits).value_or(-1);
    if (segment.index < 0) return std::nullopt;
  }
  return segment;
}

}  // namespace

const RegionShape& RunState::shape_of(const ir::Region& region) {
  auto& shape = shapes[&region];
  if (!shape) {
    shape = std::make_unique<RegionShape>();
    shape->region = &region;
    shape->dependencies = ir::dependencies_of(region);
    for (std::size_t i = 0; i < region.operations.size(); ++i)
      shape->index.emplace(region.operations[i].name, i);
  }
  return *shape;
}

std::unique_ptr<RegionState> RunState::make_region(const ir::Region& region, OperationState* owner,
                                                   std::int64_t index) {
  auto made = std::make_unique<RegionState>();
  made->shape = &shape_of(region);
  made->owner = owner;
  made->index = index;
  made->operations.resize(region.operations.size());
  made->open = region.operations.size();
  made->in_iteration = owner && (owner->each || owner->region->in_iteration);
  operations += made->operations.size();
  if (made->in_iteration) operations_in_iterations += made->operations.size();
  for (std::size_t i = 0; i < region.operations.size(); ++i) {
    auto& operation = made->operations[i];
    operation.operation = &region.operations[i];
    operation.region = made.get();
    operation.waiting_for = static_cast<std::uint32_t>(made->shape->dependencies.upstream[i].size());
  }
  return made;
}

void RunState::start_root() {
  root = make_region(plan->find(created.pipeline)->body, nullptr, -1);
  bind_pipeline(*root, created.inputs);
}

void RunState::bind_pipeline(RegionState& region, const Struct& inputs) const {
  Struct about;
  about.set("id", created.run.text);
  about.set("name", created.name);
  about.set("workspace", created.principal.workspace);
  region.boundary = true;
  region.bindings.emplace_back("inputs", inputs);
  region.bindings.emplace_back("run", std::move(about));
}

void RunState::release(const RegionState& region) {
  found_ = nullptr;
  for (const auto& operation : region.operations) release_inner(operation);
  operations -= region.operations.size();
  if (region.in_iteration) operations_in_iterations -= region.operations.size();
}

void RunState::release_inner(const OperationState& operation) {
  found_ = nullptr;
  for (const auto& [index, region] : operation.inner) release(*region);
}

OperationState* RunState::find(std::string_view path) {
  if (found_ != nullptr && found_path_ == path) return found_;
  found_ = look_for(path);
  found_path_ = path;
  return found_;
}

OperationState* RunState::look_for(std::string_view path) {
  RegionState* region = root.get();
  while (region != nullptr) {
    const auto slash = path.find('/');
    const auto segment = segment_of(path.substr(0, slash));
    if (!segment) return nullptr;
    const bool encoded = segment->name.find('%') != std::string_view::npos;
    const auto decoded = encoded ? percent_decode(segment->name) : std::nullopt;
    if (encoded && !decoded) return nullptr;
    const auto found = region->shape->index.find(decoded ? std::string_view(*decoded) : segment->name);
    if (found == region->shape->index.end()) return nullptr;
    auto& operation = region->operations[found->second];
    if (slash == std::string_view::npos) return &operation;
    const auto inner = operation.inner.find(segment->index);
    region = inner == operation.inner.end() ? nullptr : inner->second.get();
    path.remove_prefix(slash + 1);
  }
  return nullptr;
}

std::string path_of(const RegionState& region) {
  if (!region.owner) return "";
  auto path = path_of(*region.owner);
  if (region.index < 0) return path;
  const bool iteration = region.owner->each != nullptr;
  return path + (iteration ? "[" : "{") + std::to_string(region.index) + (iteration ? "]" : "}");
}

std::string path_of(const OperationState& operation) {
  const auto outer = path_of(*operation.region);
  auto name = percent_encode(operation.operation->name);
  return outer.empty() ? name : outer + "/" + name;
}

const ir::Region& body_of(const RunState& run, const ir::Operation& operation, std::int64_t arm) {
  if (const auto* branch = std::get_if<ir::Branch>(&operation.what))
    return *branch->arms[static_cast<std::size_t>(arm)].region;
  if (const auto* each = std::get_if<ir::Each>(&operation.what)) return *each->region;
  if (const auto* block = std::get_if<ir::Block>(&operation.what)) return *block->region;
  const auto* callee = run.plan->find(std::get<ir::PipelineCall>(operation.what).pipeline);
  SLUICE_CHECK(callee != nullptr);
  return callee->body;
}

}  // namespace sluice::engine

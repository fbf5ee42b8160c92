#include "sluice/engine/state.hpp"

#include "sluice/base/words.hpp"
#include "sluice/ir/path.hpp"

namespace sluice::engine {
namespace {

using Inner = ir::PathSegment::Inner;

/// What the regions inside this operation are.
Inner inner_of(const ir::Operation& operation) {
  if (std::holds_alternative<ir::Each>(operation.what)) return Inner::iteration;
  if (std::holds_alternative<ir::Branch>(operation.what)) return Inner::arm;
  return Inner::none;
}

void append_path(const OperationState& operation, std::string& path);

void append_path(const RegionState& region, std::string& path) {
  if (!region.owner) return;
  append_path(*region.owner, path);
  if (region.index >= 0)
    ir::append_inner(path, region.owner->each ? Inner::iteration : Inner::arm, region.index);
}

void append_path(const OperationState& operation, std::string& path) {
  const auto& region = *operation.region;
  append_path(region, path);
  if (!path.empty()) path += '/';
  path += region.shape->segments[static_cast<std::size_t>(&operation - region.operations.data())];
}

}  // namespace

const RegionShape& RunState::shape_of(const ir::Region& region) {
  auto& shape = shapes[&region];
  if (!shape) {
    shape = std::make_unique<RegionShape>();
    shape->region = &region;
    shape->dependencies = ir::dependencies_of(region);
    shape->segments.reserve(region.operations.size());
    for (std::size_t i = 0; i < region.operations.size(); ++i) {
      shape->index.emplace(region.operations[i].name, i);
      shape->segments.push_back(percent_encode(region.operations[i].name));
    }
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
  about.set("created", to_iso8601(created.at));
  about.set("scheduled", to_iso8601(created.trigger ? created.trigger->instant : created.at));
  about.set("path", path_of(region));
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
    const auto segment = ir::take_segment(path);
    if (!segment || segment->visit != 1) return nullptr;
    const bool encoded = segment->name.find('%') != std::string_view::npos;
    const auto decoded = encoded ? segment->decoded_name() : std::nullopt;
    if (encoded && !decoded) return nullptr;
    const auto found = region->shape->index.find(decoded ? std::string_view(*decoded) : segment->name);
    if (found == region->shape->index.end()) return nullptr;
    auto& operation = region->operations[found->second];
    if (path.empty()) return segment->inner == Inner::none ? &operation : nullptr;
    if (segment->inner != inner_of(*operation.operation)) return nullptr;
    const auto inner = operation.inner.find(segment->index);
    region = inner == operation.inner.end() ? nullptr : inner->second.get();
  }
  return nullptr;
}

std::string path_of(const RegionState& region) {
  std::string path;
  append_path(region, path);
  return path;
}

std::string path_of(const OperationState& operation) {
  std::string path;
  append_path(operation, path);
  return path;
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

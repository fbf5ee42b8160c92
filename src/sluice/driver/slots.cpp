#include "sluice/driver/slots.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sluice/base/words.hpp"

namespace sluice::driver {
namespace {

/// After its turn came so often in vain, tasks that compete for what a task lacks have to wait for it.
constexpr std::size_t passed_over_max = 64;

std::string processors(std::int64_t thousandths) {
  return fmt::format("{}", static_cast<double>(thousandths) / 1000);
}

}  // namespace

Slots::Slots(Capacity capacity)
    : capacity_(std::move(capacity)), gpu_users_(static_cast<std::size_t>(capacity_.gpu)) {}

std::optional<std::string> Slots::why_never(const ir::Resources& resources, const std::string& pool) const {
  if (resources.cpu > capacity_.cpu)
    return fmt::format("it needs {} processors, and this server has {} CPU slots; see `sluice up --slots`",
                       processors(resources.cpu), processors(capacity_.cpu));
  if (resources.memory > capacity_.memory)
    return fmt::format("it needs {} of memory, and this server has {} for tasks; see `sluice up --slots`",
                       human_bytes(static_cast<std::uint64_t>(resources.memory)),
                       human_bytes(static_cast<std::uint64_t>(capacity_.memory)));
  if (resources.gpu > capacity_.gpu)
    return fmt::format("it needs {} GPU{}, and this server has {}; see `sluice up --slots gpu=N`",
                       resources.gpu, resources.gpu == 1 ? "" : "s", capacity_.gpu);
  if (!pool.empty() && !capacity_.pools.contains(pool)) {
    std::vector<std::string> names;
    names.reserve(capacity_.pools.size());
    for (const auto& [name, size] : capacity_.pools) names.push_back(name);
    return fmt::format("this server has no pool `{}`{}; `sluice up --slots {}=N` creates it", pool,
                       did_you_mean(pool, names), pool);
  }
  return std::nullopt;
}

std::optional<Slots::Grant> Slots::request(SlotRequest request) {
  // Late: an answer for a run that was dropped and resumed meanwhile. Its attempt must not lose what it has.
  if (const auto held = held_.find(request.run); held != held_.end() && held->second.contains(request.path))
    return std::nullopt;
  Need need{.resources = request.resources, .pool = request.pool};
  if (runs_.empty() && !lacks(need)) return granted(std::move(request));
  const auto [run, is_new] = runs_.try_emplace(request.run);
  if (is_new && std::ranges::find(turns_, request.run) == turns_.end()) turns_.push_back(request.run);
  auto& [queues, by_path] = run->second;
  if (by_path.contains(request.path)) return std::nullopt;
  auto queue = std::ranges::find(queues, need, &Queue::need);
  if (queue == queues.end())
    queue = queues.insert(queues.end(), Queue{.need = std::move(need), .requests = {}});
  const auto path = request.path;
  const auto position = queue->requests.insert(queue->requests.end(), std::move(request));
  by_path.emplace(path, Waiting{.queue = queue, .request = position});
  return std::nullopt;
}

void Slots::erase(RunQueues& run, std::unordered_map<std::string, Waiting>::iterator waiting) {
  const auto queue = waiting->second.queue;
  queue->requests.erase(waiting->second.request);
  if (queue->requests.empty()) run.queues.erase(queue);
  run.by_path.erase(waiting);
}

void Slots::withdraw(const RunId& run, const std::string& path) {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return;
  const auto waiting = found->second.by_path.find(path);
  if (waiting == found->second.by_path.end()) return;
  erase(found->second, waiting);
  if (found->second.queues.empty()) runs_.erase(found);
}

/// What is not free for this need.
std::optional<std::string> Slots::lacks(const Need& need) const {
  if (tasks_ >= capacity_.tasks) return "task";
  const auto& [cpu, memory, gpu] = need.resources;
  if (cpu > 0 && cpu > capacity_.cpu - used_.cpu) return "cpu";
  if (memory > 0 && memory > capacity_.memory - used_.memory) return "memory";
  if (gpu > 0 && (devices_paused_ || std::ranges::count(gpu_users_, 0) < gpu)) return "gpu";
  if (need.pool.empty()) return std::nullopt;
  const auto limit = capacity_.pools.find(need.pool);
  const auto users = pool_users_.find(need.pool);
  if (limit != capacity_.pools.end() && (users == pool_users_.end() ? 0 : users->second) >= limit->second)
    return "pool " + need.pool;
  return std::nullopt;
}

const Slots::Queue* Slots::starving() const {
  const Queue* found = nullptr;
  for (const auto& [id, run] : runs_)
    for (const auto& queue : run.queues)
      if (queue.passed_over > passed_over_max && (!found || queue.passed_over > found->passed_over))
        found = &queue;
  return found;
}

std::optional<Slots::Grant> Slots::grant() {
  const auto* first = may_be_starving_ ? starving() : nullptr;
  may_be_starving_ = first != nullptr;
  const auto lacking = first ? lacks(first->need) : std::nullopt;
  const auto must_wait = [&](const Queue& queue) {
    if (!lacking || &queue == first) return false;
    return *lacking == "task" || (*lacking == "cpu" && queue.need.resources.cpu > 0) ||
           (*lacking == "memory" && queue.need.resources.memory > 0) ||
           (*lacking == "gpu" && queue.need.resources.gpu > 0) ||
           (!queue.need.pool.empty() && *lacking == "pool " + queue.need.pool);
  };
  for (auto left = turns_.size(); left > 0; --left) {
    const auto id = turns_.front();
    turns_.pop_front();
    const auto run = runs_.find(id);
    if (run == runs_.end()) continue;
    turns_.push_back(id);
    auto& queues = run->second.queues;
    for (auto queue = queues.begin(); queue != queues.end(); ++queue) {
      if (must_wait(*queue)) continue;
      if (lacks(queue->need)) {
        may_be_starving_ = ++queue->passed_over > passed_over_max || may_be_starving_;
        continue;
      }
      queue->passed_over = 0;
      auto first_of_queue = std::move(queue->requests.front());
      queues.splice(queues.end(), queues, queue);  // the run's other needs come first next time
      erase(run->second, run->second.by_path.find(first_of_queue.path));
      if (queues.empty()) runs_.erase(run);
      return granted(std::move(first_of_queue));
    }
  }
  return std::nullopt;
}

Slots::Grant Slots::granted(SlotRequest request) {
  Grant granted{.request = std::move(request), .gpus = {}};
  for (std::size_t device = 0; device < gpu_users_.size(); ++device)
    if (gpu_users_[device] == 0 && std::ssize(granted.gpus) < granted.request.resources.gpu)
      granted.gpus.push_back(static_cast<std::int64_t>(device));
  occupy(granted.request, granted.gpus);
  return granted;
}

void Slots::occupy(const SlotRequest& request, std::vector<std::int64_t> gpus) {
  Held held{.number = request.number,
            .need = {.resources = request.resources, .pool = request.pool},
            .gpus = std::move(gpus)};
  const auto [entry, is_new] = held_[request.run].try_emplace(request.path, std::move(held));
  if (!is_new) return;
  ++tasks_;
  const auto& need = entry->second.need;
  used_.cpu += need.resources.cpu;
  used_.memory += need.resources.memory;
  for (const auto gpu : entry->second.gpus)
    if (gpu >= 0 && gpu < std::ssize(gpu_users_)) ++gpu_users_[static_cast<std::size_t>(gpu)];
  if (!need.pool.empty()) ++pool_users_[need.pool];
}

void Slots::renew(const RunId& run, const std::string& path, std::int64_t number) {
  const auto of_run = held_.find(run);
  if (of_run == held_.end()) return;
  if (const auto found = of_run->second.find(path); found != of_run->second.end())
    found->second.number = number;
}

void Slots::add_back(const Held& held) {
  const auto& [number, need, gpus] = held;
  --tasks_;
  used_.cpu -= need.resources.cpu;
  used_.memory -= need.resources.memory;
  for (const auto gpu : gpus)
    if (gpu >= 0 && gpu < std::ssize(gpu_users_)) --gpu_users_[static_cast<std::size_t>(gpu)];
  if (!need.pool.empty() && --pool_users_[need.pool] == 0) pool_users_.erase(need.pool);
}

void Slots::release(const RunId& run, const std::string& path, std::int64_t number) {
  const auto of_run = held_.find(run);
  if (of_run == held_.end()) return;
  const auto found = of_run->second.find(path);
  if (found == of_run->second.end() || found->second.number != number) return;
  add_back(found->second);
  of_run->second.erase(found);
  if (of_run->second.empty()) held_.erase(of_run);
}

void Slots::release_all(const RunId& run) {
  runs_.erase(run);
  const auto of_run = held_.find(run);
  if (of_run == held_.end()) return;
  for (const auto& [path, held] : of_run->second) add_back(held);
  held_.erase(of_run);
}

std::vector<std::pair<std::string, std::string>> Slots::waiting(const RunId& run, std::size_t limit) const {
  std::vector<std::pair<std::string, std::string>> out;
  const auto found = runs_.find(run);
  if (found == runs_.end()) return out;
  for (const auto& queue : found->second.queues) {
    const auto what = lacks(queue.need).value_or("its turn");
    for (const auto& request : queue.requests) {
      if (out.size() >= limit) return out;
      out.emplace_back(request.path, what);
    }
  }
  return out;
}

}  // namespace sluice::driver

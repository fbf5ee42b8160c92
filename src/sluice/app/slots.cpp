#include "sluice/app/slots.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <sched.h>
#include <sys/sysinfo.h>

#include "sluice/base/numbers.hpp"

namespace sluice::app {
namespace {

driver::Capacity of_this_machine() {
  driver::Capacity capacity;
  cpu_set_t processors;
  CPU_ZERO(&processors);
  const bool known = ::sched_getaffinity(0, sizeof processors, &processors) == 0;
  capacity.cpu = std::max(known ? CPU_COUNT(&processors) : 1, 1) * std::int64_t{1000};
  struct sysinfo machine = {};
  if (::sysinfo(&machine) == 0)
    capacity.memory =
        static_cast<std::int64_t>(machine.totalram) * static_cast<std::int64_t>(machine.mem_unit);
  return capacity;
}

Error malformed(std::string_view part, std::string_view why) {
  return user_error(
      Code::invalid_argument,
      fmt::format("--slots `{}`: {}; write, for example, cpu=8,memory=24GiB,gpu=2,downloads=4", part, why));
}

Result<void> apply(std::string_view part, driver::Capacity& capacity) {
  const auto equals = part.find('=');
  const auto name = part.substr(0, equals);
  if (equals == std::string_view::npos || name.empty())
    return Fail(malformed(part, "it should be NAME=AMOUNT"));
  const auto amount = part.substr(equals + 1);
  if (name == "cpu" || name == "memory" || name == "gpu") {
    // As in a plan, so that the same amounts are understood.
    ir::Resources resources;
    const auto number = parse_number(amount);
    const auto integer = parse_integer<std::int64_t>(amount);
    const auto value = name == "memory" ? Value(amount)
                       : integer        ? Value(*integer)
                       : number         ? Value(*number)
                                        : Value();
    if (const auto problem = ir::assign_resource(resources, name, value))
      return Fail(malformed(part, *problem));
    if (name == "cpu") capacity.cpu = resources.cpu;
    if (name == "memory") capacity.memory = resources.memory;
    if (name == "gpu") capacity.gpu = resources.gpu;
    return {};
  }
  const auto tasks = parse_integer<std::int64_t>(amount);
  if (!tasks || *tasks < 1)
    return Fail(
        malformed(part, fmt::format("the size of pool `{}` should be a number of tasks, at least 1", name)));
  capacity.pools[std::string(name)] = *tasks;
  return {};
}

}  // namespace

Result<driver::Capacity> slots_of(const std::string& setting) {
  auto capacity = of_this_machine();
  std::string_view rest = setting;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    SLUICE_DO(apply(rest.substr(0, comma), capacity));
    rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
  }
  return capacity;
}

}  // namespace sluice::app

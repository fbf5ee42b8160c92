#include "sluice/runtimes/openvino/openvino.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>

#include <fmt/format.h>
#include <openvino/frontend/manager.hpp>
#include <openvino/openvino.hpp>

#include "sluice/base/digest.hpp"
#include "sluice/base/words.hpp"

namespace sluice::runtimes {
namespace {

// One picture on four cores is nearly four times as fast as on one; on more, two pictures at once are faster.
constexpr unsigned cores_per_stream = 4;

/// The reason in a message of the library: its last line; the lines before it name source files of the
/// library.
std::string reason(const std::exception& error) {
  std::string text = error.what();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '.')) text.pop_back();
  if (const auto line = text.rfind('\n'); line != std::string::npos) text.erase(0, line + 1);
  return text;
}

Fail cannot_load(const std::string& name, const std::string& why) {
  return Fail(user_error(Code::invalid_argument, fmt::format("{}: cannot be loaded: {}", name, why)));
}

Fail cannot_run(const std::exception& error) {
  return Fail(internal_error(Code::internal, fmt::format("inference failed: {}", reason(error))));
}

std::vector<std::int64_t> dimensions(const ov::PartialShape& shape) {
  std::vector<std::int64_t> out;
  if (shape.rank().is_static())
    for (const auto& dimension : shape) out.push_back(dimension.is_static() ? dimension.get_length() : -1);
  return out;
}

std::vector<std::string> names_of(const ov::OutputVector& outputs) {
  std::vector<std::string> out;
  for (const auto& output : outputs)
    if (!output.get_names().empty()) out.push_back(output.get_any_name());
  std::ranges::sort(out);
  return out;
}

BatchModel::Port port_of(const ov::Output<const ov::Node>& port) {
  return {.name = port.get_names().empty() ? "" : port.get_any_name(),
          .type = port.get_element_type().get_type_name(),
          .shape = dimensions(port.get_partial_shape())};
}

template <typename T>
std::vector<T> numbers(const ov::Tensor& tensor) {
  const auto* data = static_cast<const T*>(tensor.data());
  return {data, data + tensor.get_size()};
}

Tensor copy_of(const ov::Tensor& tensor) {
  Tensor out;
  for (const auto dimension : tensor.get_shape()) out.shape.push_back(static_cast<std::int64_t>(dimension));
  const auto type = tensor.get_element_type();
  if (type == ov::element::f32)
    out.data = numbers<float>(tensor);
  else if (type == ov::element::i64)
    out.data = numbers<std::int64_t>(tensor);
  else if (type == ov::element::i32) {
    const auto narrow = numbers<std::int32_t>(tensor);
    out.data = std::vector<std::int64_t>(narrow.begin(), narrow.end());
  } else if (type == ov::element::boolean || type == ov::element::u8)
    out.data = numbers<std::uint8_t>(tensor);
  else
    throw std::runtime_error(fmt::format("outputs of type {} are not supported", type.get_type_name()));
  return out;
}

/// Thrown internally where our own message replaces the library's.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace

struct ItemModel::Impl {
  ov::CompiledModel compiled;
  std::vector<std::int64_t> shape;
  std::size_t in = 0;
  std::size_t out = 0;
  std::string kept;
  std::vector<ov::InferRequest> requests;

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::size_t> idle;
};

ItemModel::ItemModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ItemModel::~ItemModel() = default;
const std::vector<std::int64_t>& ItemModel::input_shape() const { return impl_->shape; }
std::size_t ItemModel::input_elements() const { return impl_->in; }
std::size_t ItemModel::output_elements() const { return impl_->out; }
const std::string& ItemModel::kept() const { return impl_->kept; }
std::size_t ItemModel::parallel() const { return impl_->requests.size(); }

Result<void> ItemModel::run(std::span<const float> in, std::span<float> out) {
  const std::size_t items = in.size() / impl_->in;
  SLUICE_CHECK(in.size() == items * impl_->in && out.size() == items * impl_->out);
  // Acquires idle requests, at least one; others may be running for other callers.
  const auto acquire = [&](std::size_t most) {
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait(lock, [&] { return !impl_->idle.empty(); });
    std::vector<std::size_t> acquired;
    for (; acquired.size() < most && !impl_->idle.empty(); impl_->idle.pop_back())
      acquired.push_back(impl_->idle.back());
    return acquired;
  };
  const auto release = [&](const std::vector<std::size_t>& acquired) {
    const std::lock_guard lock(impl_->mutex);
    impl_->idle.insert(impl_->idle.end(), acquired.begin(), acquired.end());
    impl_->changed.notify_all();
  };
  for (std::size_t done = 0; done < items;) {
    const auto acquired = acquire(items - done);
    Result<void> outcome;
    try {
      for (std::size_t i = 0; i < acquired.size(); ++i) {
        auto tensor = impl_->requests[acquired[i]].get_input_tensor();
        std::memcpy(tensor.data(), in.data() + (done + i) * impl_->in, impl_->in * sizeof(float));
        // A single request runs in the caller's thread, without a hand-over.
        if (acquired.size() == 1)
          impl_->requests[acquired[i]].infer();
        else
          impl_->requests[acquired[i]].start_async();
      }
      for (std::size_t i = 0; i < acquired.size(); ++i) {
        auto& request = impl_->requests[acquired[i]];
        if (acquired.size() > 1) request.wait();
        std::memcpy(out.data() + (done + i) * impl_->out, request.get_output_tensor().data(),
                    impl_->out * sizeof(float));
      }
    } catch (const std::exception& error) {
      outcome = cannot_run(error);
    }
    release(acquired);
    if (!outcome) return outcome;
    done += acquired.size();
  }
  return {};
}

struct BatchModel::Impl {
  ov::CompiledModel compiled;
  ov::InferRequest request;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::mutex mutex;
};

BatchModel::BatchModel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BatchModel::~BatchModel() = default;
const std::vector<BatchModel::Port>& BatchModel::inputs() const { return impl_->inputs; }
const std::vector<BatchModel::Port>& BatchModel::outputs() const { return impl_->outputs; }

Result<std::map<std::string, Tensor>> BatchModel::run(std::span<const float> in, std::size_t rows) {
  SLUICE_CHECK(rows > 0 && in.size() % rows == 0);
  const std::lock_guard lock(impl_->mutex);
  try {
    ov::Tensor tensor(ov::element::f32, ov::Shape{rows, in.size() / rows});
    std::memcpy(tensor.data(), in.data(), in.size_bytes());
    impl_->request.set_input_tensor(tensor);
    impl_->request.infer();
    std::map<std::string, Tensor> out;
    for (std::size_t i = 0; i < impl_->outputs.size(); ++i)
      out.emplace(impl_->outputs[i].name, copy_of(impl_->request.get_output_tensor(i)));
    return out;
  } catch (const std::exception& error) {
    return cannot_run(error);
  }
}

struct OpenVino::Impl {
  ov::Core core;
  std::mutex reading;
  ov::frontend::FrontEnd::Ptr
      onnx;  ///< loaded once: the core would look for the library again for each network

  std::shared_ptr<ov::Model> read_onnx(const std::string& bytes) {
    const std::lock_guard lock(reading);
    load_onnx();
    std::istringstream stream(bytes);
    return onnx->convert(onnx->load(static_cast<std::istream*>(&stream)));
  }
  /// Called under the lock.
  void load_onnx() {
    if (!onnx) onnx = ov::frontend::FrontEndManager().load_by_framework("onnx");
  }
};

OpenVino::OpenVino() : impl_(std::make_unique<Impl>()) {}
OpenVino::~OpenVino() = default;

std::string OpenVino::version() { return ov::get_openvino_version().buildNumber; }

namespace {

/// Reads the network, cuts it at the tap, and compiles it for one item.
ov::CompiledModel compile_items(ov::Core& core, const OpenVino::Items& items, const ov::AnyMap& settings) {
  const auto network = core.read_model(items.file.string());
  if (network->inputs().size() != 1)
    throw Refused(fmt::format("it has {} inputs, but a base model has one", network->inputs().size()));
  const auto outputs = network->outputs();
  const auto tap = std::ranges::find_if(
      outputs, [&](const auto& output) { return output.get_names().contains(items.tap); });
  if (tap == outputs.end()) {
    const auto known = names_of(outputs);
    throw Refused(fmt::format("it has no output `{}`; it has {}{}", items.tap, fmt::join(known, ", "),
                              did_you_mean(items.tap, known)));
  }
  const auto cut = std::make_shared<ov::Model>(ov::OutputVector{*tap}, network->get_parameters(),
                                               items.file.filename().string());
  auto shape = cut->input().get_partial_shape();
  if (shape.rank().is_dynamic() || shape.size() < 2) throw Refused("its input must be [N, …]");
  shape[0] = 1;
  cut->reshape(shape);
  if (cut->input().get_partial_shape().is_dynamic() || cut->output().get_partial_shape().is_dynamic())
    throw Refused("only the first dimension of its input may be dynamic");
  if (cut->input().get_element_type() != ov::element::f32 ||
      cut->output().get_element_type() != ov::element::f32)
    throw Refused("its input and the tapped output must be f32");
  return core.compile_model(cut, "CPU", settings);
}

/// The file of the compiled network. The library's own cache reads the whole network before it looks it up,
/// which takes longer than everything else that a first request waits for.
std::string compiled_name(ov::Core& core, const OpenVino::Items& items, unsigned streams, unsigned cores) {
  const auto key = fmt::format("{}\n{}\n{}\n{}\n{}\n{} streams, {} cores", items.identity,
                               items.file.filename().string(), items.tap, OpenVino::version(),
                               core.get_property("CPU", ov::device::full_name), streams, cores);
  return "items-" + Digest::of(key).hex() + ".blob";
}

std::optional<ov::CompiledModel> read_compiled(ov::Core& core, const std::filesystem::path& file,
                                               const ov::AnyMap& settings) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  try {
    return core.import_model(stream, "CPU", settings);
  } catch (const std::exception&) {
    return std::nullopt;  // damaged: the network is compiled and written again
  }
}

/// Whether it was written. If not, that costs only time.
bool write_compiled(ov::CompiledModel& compiled, const std::filesystem::path& file) {
  std::error_code failed;
  {
    std::ofstream stream(file, std::ios::binary);
    compiled.export_model(stream);
    stream.close();
    if (!stream) failed = std::make_error_code(std::errc::io_error);
  }
  if (!failed) return true;
  std::filesystem::remove(file, failed);
  return false;
}

}  // namespace

Result<std::unique_ptr<ItemModel>> OpenVino::load_items(const Items& items) {
  try {
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    const unsigned streams = std::max(1U, cores / cores_per_stream);
    // Threads are not pinned: several hosts share the machine, and each would choose the same cores.
    const ov::AnyMap settings = {
        ov::hint::inference_precision(ov::element::f32), ov::num_streams(static_cast<int>(streams)),
        ov::inference_num_threads(static_cast<int>(cores)), ov::hint::enable_cpu_pinning(false)};
    auto impl = std::make_unique<ItemModel::Impl>();
    const auto name = compiled_name(impl_->core, items, streams, cores);
    auto known =
        items.compiled.empty() ? std::nullopt : read_compiled(impl_->core, items.compiled / name, settings);
    if (known) {
      impl->compiled = std::move(*known);
    } else {
      impl->compiled = compile_items(impl_->core, items, settings);
      if (!items.keep.empty() && write_compiled(impl->compiled, items.keep / name)) impl->kept = name;
    }
    impl->shape = dimensions(impl->compiled.input().get_partial_shape());
    impl->in = ov::shape_size(impl->compiled.input().get_shape());
    impl->out = ov::shape_size(impl->compiled.output().get_shape());
    for (unsigned i = 0; i < streams; ++i) {
      impl->requests.push_back(impl->compiled.create_infer_request());
      impl->idle.push_back(i);
    }
    return std::unique_ptr<ItemModel>(new ItemModel(std::move(impl)));
  } catch (const Refused& error) {
    return cannot_load(items.file.filename().string(), error.what());
  } catch (const std::exception& error) {
    return cannot_load(items.file.filename().string(), reason(error));
  }
}

bool OpenVino::prepare_batches() {
  try {
    const std::lock_guard lock(impl_->reading);
    impl_->load_onnx();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

Result<std::unique_ptr<BatchModel>> OpenVino::load_batches(const std::string& onnx, const std::string& name) {
  try {
    const auto network = impl_->read_onnx(onnx);
    if (network->inputs().size() != 1)
      throw Refused(fmt::format("it has {} inputs, but must have one", network->inputs().size()));
    auto impl = std::make_unique<BatchModel::Impl>();
    // No streams: it runs in the caller's thread, and thousands of heads create no threads.
    const ov::AnyMap settings = {ov::hint::inference_precision(ov::element::f32), ov::num_streams(0)};
    impl->compiled = impl_->core.compile_model(network, "CPU", settings);
    for (const auto& input : impl->compiled.inputs()) impl->inputs.push_back(port_of(input));
    for (const auto& output : impl->compiled.outputs()) impl->outputs.push_back(port_of(output));
    impl->request = impl->compiled.create_infer_request();
    return std::unique_ptr<BatchModel>(new BatchModel(std::move(impl)));
  } catch (const Refused& error) {
    return cannot_load(name, error.what());
  } catch (const std::exception& error) {
    return cannot_load(name, reason(error));
  }
}

}  // namespace sluice::runtimes

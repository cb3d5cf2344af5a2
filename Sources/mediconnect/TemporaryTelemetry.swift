import CoreMetrics
import Logging
import Synchronization
import Foundation
typealias PrometheusRegistry = TempReg
final class TempReg: MetricsFactory, Sendable {
    let noop = NOOPMetricsHandler.instance
    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { noop }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler { noop }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { noop }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
    func render() -> [UInt8] { [] }
}
final class LogSink: Sendable { init(descriptor: Int32) {} ; func flush() {} }
func JSONLineLogHandler(label: String, sink: LogSink) -> any LogHandler { StreamLogHandler.standardError(label: label) }

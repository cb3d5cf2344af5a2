#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
internal import Logging
public import Notation

/// Where log lines go: into a buffer that a thread of its own writes out, so that a slow terminal or a full pipe never
/// holds up a request.
///
/// Written every 50 ms, at 32 KiB, at once when a line is urgent, and by `flush()`. When the reader of the log is slower
/// than the program for so long that `limit` bytes wait, further lines are dropped, counted, and the number is said in
/// the log as soon as there is room.
///
/// `@unchecked Sendable`: everything mutable is touched under `mutex` only. A `Mutex` of the standard library cannot wait
/// for a condition, so it is a POSIX one.
public final class LogSink: @unchecked Sendable {
    private let descriptor: Int32
    private let limit: Int
    private let clock: any WallClock
    private let batch = 32 * 1024
    private let delayMilliseconds = 50
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    /// Something waits that should be written now, or the end has come.
    private let work = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// A batch was written.
    private let progress = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    private var waiting: [UInt8] = []
    private var isUrgent = false
    private var isEnding = false
    private var acceptedBytes = 0
    private var writtenBytes = 0
    private var dropped = 0
    private var droppedUnsaid = 0
    private var thread: pthread_t?

    /// `descriptor`: standard error unless told otherwise.
    public init(descriptor: Int32 = 2, limit: Int = 4 * 1024 * 1024, clock: any WallClock = MachineClock()) {
        self.descriptor = descriptor
        self.limit = limit
        self.clock = clock
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(work, nil)
        pthread_cond_init(progress, nil)
        waiting.reserveCapacity(batch * 2)
    }

    /// Lines that were dropped so far.
    public var droppedLines: Int { locked { dropped } }

    /// Adds a line, which ends in a newline. Never waits for the disk or the terminal.
    func write(_ line: [UInt8], isUrgent urgent: Bool) {
        locked {
            guard waiting.count + line.count <= limit, !isEnding else {
                dropped += 1
                droppedUnsaid += 1
                return
            }
            if thread == nil { start() }
            let wasEmpty = waiting.isEmpty
            waiting.append(contentsOf: line)
            acceptedBytes += line.count
            isUrgent = isUrgent || urgent || waiting.count >= batch
            if wasEmpty || isUrgent { pthread_cond_signal(work) }
        }
    }

    /// Returns when everything written so far has reached the descriptor, or was refused by it.
    public func flush() {
        locked {
            let target = acceptedBytes
            guard writtenBytes < target, thread != nil else { return }
            isUrgent = true
            pthread_cond_signal(work)
            while writtenBytes < target { pthread_cond_wait(progress, mutex) }
        }
    }

    /// Writes what waits and ends the thread; lines that come later are dropped. The descriptor stays open: it is not ours.
    public func close() {
        let thread = locked { () -> pthread_t? in
            isEnding = true
            pthread_cond_signal(work)
            defer { self.thread = nil }
            return self.thread
        }
        if let thread { pthread_join(thread, nil) }
    }

    deinit {
        pthread_cond_destroy(progress)
        pthread_cond_destroy(work)
        pthread_mutex_destroy(mutex)
        progress.deallocate()
        work.deallocate()
        mutex.deallocate()
    }

    private func locked<Answer>(_ body: () -> Answer) -> Answer {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    // MARK: The thread

    /// The thread keeps the sink alive until `close()`.
    private func start() {
        let this = Unmanaged.passRetained(self)
        var handle = pthread_t()
        let result = pthread_create(
            &handle, nil,
            { raw in
                #if canImport(Darwin)
                    Unmanaged<LogSink>.fromOpaque(raw).takeRetainedValue().serve()
                #else
                    Unmanaged<LogSink>.fromOpaque(raw!).takeRetainedValue().serve()
                #endif
                return nil
            }, this.toOpaque())
        if result == 0 { thread = handle } else { this.release() }
    }

    private func serve() {
        while let bytes = take() {
            writeOut(bytes)
            locked {
                writtenBytes += bytes.count
                pthread_cond_broadcast(progress)
            }
        }
    }

    /// Waits for something to write, then a little longer for more. Nil at the end.
    private func take() -> [UInt8]? {
        locked {
            while waiting.isEmpty && !isEnding { pthread_cond_wait(work, mutex) }
            let deadline = timeFromNow(milliseconds: delayMilliseconds)
            while !isUrgent && !isEnding {
                var deadline = deadline
                if pthread_cond_timedwait(work, mutex, &deadline) == ETIMEDOUT { break }
            }
            guard !waiting.isEmpty else { return nil }
            return takeAll()
        }
    }

    private func takeAll() -> [UInt8] {
        if droppedUnsaid > 0 {
            var line = LogLine(at: clock.now, level: .warning)
            line.take(.event, "log.dropped")
            line.take(.count, "\(droppedUnsaid)")
            line.finish(message: "log lines were dropped because nobody read the log")
            waiting.append(contentsOf: line.bytes)
            acceptedBytes += line.bytes.count
            droppedUnsaid = 0
        }
        isUrgent = false
        let taken = waiting
        waiting = []
        waiting.reserveCapacity(batch * 2)
        return taken
    }

    /// A descriptor that refuses for good (a closed pipe) loses its lines: there is nobody left to tell.
    private func writeOut(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                let count = systemWrite(descriptor, buffer.baseAddress! + offset, buffer.count - offset)
                if count > 0 {
                    offset += count
                } else if count < 0 && errno == EAGAIN {
                    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    poll(&waiting, 1, 1_000)
                } else if !(count < 0 && errno == EINTR) {
                    return
                }
            }
        }
    }

    private func timeFromNow(milliseconds: Int) -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        time.tv_nsec += milliseconds * 1_000_000
        time.tv_sec += time.tv_nsec / 1_000_000_000
        time.tv_nsec %= 1_000_000_000
        return time
    }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    #if canImport(Glibc)
        Glibc.write(descriptor, bytes, count)
    #elseif canImport(Musl)
        Musl.write(descriptor, bytes, count)
    #else
        Darwin.write(descriptor, bytes, count)
    #endif
}

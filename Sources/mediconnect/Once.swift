import Synchronization

/// Something that is done once, however many want it at the same time: the first does it, the others wait. When it fails
/// they all hear why, and the next tries again.
final class Once: Sendable {
    /// What is left to do for whoever asks.
    private enum Part { case everything, nothing }

    private enum State {
        case toDo
        case underWay([CheckedContinuation<Part, any Error>])
        case done
    }

    private let state = Mutex(State.toDo)

    func done(_ work: () async throws -> Void) async throws {
        if state.withLock({ if case .done = $0 { true } else { false } }) { return }
        guard try await part() == .everything else { return }
        do {
            try await work()
            end(.done, .success(.nothing))
        } catch {
            end(.toDo, .failure(error))
            throw error
        }
    }

    private func part() async throws -> Part {
        try await withCheckedThrowingContinuation { continuation in
            let part: Part? = state.withLock { state in
                switch state {
                case .done: return .nothing
                case .toDo:
                    state = .underWay([])
                    return .everything
                case .underWay(let waiting):
                    state = .underWay(waiting + [continuation])
                    return nil
                }
            }
            if let part { continuation.resume(returning: part) }
        }
    }

    private func end(_ end: State, _ result: Result<Part, any Error>) {
        let waiting: [CheckedContinuation<Part, any Error>] = state.withLock { state in
            defer { state = end }
            if case .underWay(let waiting) = state { return waiting }
            return []
        }
        for continuation in waiting { continuation.resume(with: result) }
    }
}

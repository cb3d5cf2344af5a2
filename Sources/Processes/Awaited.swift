/// What another program does in its own time, and nobody announces: looks again and again, until there is something to be found.
///
/// - Parameters:
///   - what: what is waited for, for the fault of a test that waits in vain; the limit is there for that alone.
///   - pause: between two looks.
public func awaited<Found>(
    _ what: String = "it", every pause: Duration = .milliseconds(20), _ look: () async throws -> Found?
) async throws -> Found {
    let limit = ContinuousClock.now + .seconds(240)
    while true {
        if let found = try await look() { return found }
        guard ContinuousClock.now < limit else { throw ProcessFault("\(what): it did not happen within four minutes") }
        try await Task.sleep(for: pause)
    }
}

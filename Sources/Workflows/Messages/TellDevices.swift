import Letters
import Notation
import Outbox
import Partners
import People
import Resilience
import Storage

/// What one device is told, and which registration of it.
struct DeviceNotice: Sendable {
    let device: ID<PatientDevice>
    let index: [UInt8]
    let key: EffectKey
    let notice: PushNotice
}

// Notices to a patient's devices. A message goes to those the patient has when it is first sent; what became of each stands in the message as
// soon as the provider has answered, so one that has it is not told again whatever becomes of the others.
extension Messages {
    /// For the devices that are still to be told. With the first of them the message knows which those are.
    func notices(
        of message: inout Message, _ matter: Clinic.Matter, _ stationery: Stationery, _ keys: FieldKeys,
        in transaction: any ReadTransaction
    ) throws -> [DeviceNotice] {
        let registered = try transaction.fetch(DevicesOf(patient: message.patient)).map { try keys.open($0) }
        if message.devices.isEmpty { for device in registered { message.devices[device.id] = .asked } }
        let now = surroundings.clock.now
        var notices: [DeviceNotice] = []
        for device in registered where message.devices[device.id] == .asked {
            var own = message
            own.language = device.language ?? message.language
            let draft = try draft(of: own, matter, in: transaction)
            notices.append(
                DeviceNotice(
                    device: device.id, index: keys.digest(ofRegistration: device.token),
                    // The same in each attempt, so that a device which is told again shows one notice.
                    key: EffectKey("\(message.id):\(device.id)")!,
                    notice: PushNotice(
                        device: device.token, title: stationery.from.name, words: try stationery.notice(draft),
                        link: stationery.answerLink(draft), about: message.appointment?.description,
                        expires: matter.end(of: message, after: now))))
        }
        // Signed out, or registered for somebody else meanwhile.
        let left = Set(registered.map(\.id))
        for (id, mark) in message.devices where mark == .asked && !left.contains(id) { message.devices[id] = .gone }
        return notices
    }

    /// Tells them one after the other, and writes down what each answer means before the next is told.
    func tell(
        _ notices: [DeviceNotice], of id: ID<Message>, by carrier: any PushCarrier, _ delivery: Delivery
    ) async throws -> Verdict {
        var (wait, rest, reasons): (Span?, Instant?, [String]) = (nil, nil, [])
        for notice in notices {
            let ending = await carrier.send(notice.notice, key: notice.key)
            switch ending {
            case .done, .never: break
            case .later(let after, let reason):
                wait = [wait, after].compactMap(\.self).max()
                reasons.append(reason)
            case .unknown(let reason): reasons.append(reason)
            case .postponed(let after, let reason):
                rest = [rest, surroundings.clock.now + after].compactMap(\.self).max()
                reasons.append(reason)
            }
            try await writing { try note(ending, of: notice, id, $1, in: $0) }
        }
        try await writing { try settle(id, $1, in: $0) }
        guard let reason = reasons.first else { return .done }
        if let rest { return .snooze(until: rest) }
        let delay = Backoff().delay(attempt: delivery.attempt, luck: surroundings.random.unit())
        return .retry(after: max(wait ?? .zero, delay), reason: reason)
    }

    /// A device whose registration is gone is forgotten together with what became of its notice.
    private func note(
        _ ending: Ending<PushAnswer>, of notice: DeviceNotice, _ id: ID<Message>, _ keys: FieldKeys,
        in transaction: any WriteTransaction
    ) throws {
        guard let mark = ending.mark, let found = try transaction.first(MessageToChange(id: id)) else { return }
        var message = try keys.open(found)
        guard message.channel == .push, message.devices[notice.device] == .asked else { return }
        message.devices[notice.device] = mark
        if mark == .gone { try transaction.run(ForgetRegistration(id: notice.device, index: notice.index)) }
        if mark == .taken, message.state == .sending {
            (message.state, message.handedAt, message.unsureSince) = (.handedOver, surroundings.clock.now, nil)
            transaction.afterCommit { clinic.noteMessage(.push, Message.State.handedOver.rawValue) }
        }
        try transaction.run(UpdateMessage(message, keys))
    }

    /// Where no device has it and none is left to be told, the next channel is used.
    private func settle(_ id: ID<Message>, _ keys: FieldKeys, in transaction: any WriteTransaction) throws {
        guard let found = try transaction.first(MessageToChange(id: id)) else { return }
        let message = try keys.open(found)
        guard message.channel == .push, message.state == .sending, !message.devices.values.contains(.asked) else { return }
        let isGone = message.devices.values.allSatisfy { $0 == .gone }
        try clinic.fail(message, isGone ? .noAddress : .refused, keys, in: transaction)
    }
}

extension Ending<PushAnswer> {
    /// Nil where the device has to be told again.
    fileprivate var mark: Message.DeviceMark? {
        switch self {
        case .done(.taken): .taken
        case .done(.gone): .gone
        case .never: .refused
        case .later, .postponed, .unknown: nil
        }
    }
}

--- The plugins that are loaded, in this order. The Stripe emulator is none of them: it is a process of its own.
return {}

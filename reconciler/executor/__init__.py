"""One action carried out: the intent on disk, the call, the outcome. Decides nothing and looks nothing up."""

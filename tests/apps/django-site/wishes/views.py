from django.shortcuts import get_object_or_404, redirect, render

from .forms import WishForm
from .models import Wish


def index(request):
    form = WishForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("wishes:index")
    return render(request, "wishes/index.html", {"form": form, "wishes": Wish.objects.all()[:50]})


def detail(request, pk):
    return render(request, "wishes/detail.html", {"wish": get_object_or_404(Wish, pk=pk)})

import os

from django.http import HttpResponse
from django.urls import path
from django.utils.html import escape


def index(request):
    return HttpResponse(f"<h1>{escape(os.environ.get('GREETING', 'Hello from Ship'))}</h1>")


urlpatterns = [path("", index)]
